-- rows.lua reads the first rows of a record's outbox with their events.
--
-- KEYS  1 events  2 outbox
-- ARGV  1 most rows
--
-- Answers OK and per row: seq, event behind its first byte; BAD.

local answer = { 'OK' }
for _, row in ipairs(redis.call('LRANGE', KEYS[2], 0, tonumber(ARGV[1]) - 1)) do
  local seq = string.match(row, '^(%d+) %d+$')
  if not seq then
    return { 'BAD', KEYS[2], 'a row is not two numbers' }
  end
  local event = redis.call('LINDEX', KEYS[1], tonumber(seq) - 1)
  if not event then
    return { 'BAD', KEYS[1], 'event ' .. seq .. ' is missing' }
  end
  answer[#answer + 1] = seq
  answer[#answer + 1] = event
end
return answer
