-- list.lua reads a page of records through an index, all in one state.
--
-- KEYS  1 open or closed
-- ARGV  1 ZRANGEBYSCORE or ZREVRANGEBYSCORE  2 and 3 its bounds
--       4 most records  5 the part before "record:" in names
--
-- Computes names: ARGV[5], record: and a key from the index, under the tag of
-- KEYS[1].
--
-- Answers OK and per record: key, ticket, what is wrong with it (empty for
-- nothing), revision, open, timer, body. A record with something wrong hides
-- no other one; its four fields are empty.

local answer = { 'OK' }
local index = redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3], 'WITHSCORES', 'LIMIT', 0, ARGV[4])
for i = 1, #index, 2 do
  local name = ARGV[5] .. 'record:' .. index[i]
  local got = redis.pcall('HMGET', name, 'revision', 'open', 'timer', 'body')
  local wrong = ''
  if got.err then
    wrong = 'not a hash'
  elseif not (got[1] and got[2] and got[3] and got[4]) then
    wrong = 'a field is missing'
  end
  if wrong ~= '' then
    got = { '', '', '', '' }
  end
  for _, value in ipairs({ index[i], index[i + 1], wrong, got[1], got[2], got[3], got[4] }) do
    answer[#answer + 1] = value
  end
end
return answer
