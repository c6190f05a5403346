-- decided.lua lists the open records about which something was decided.
--
-- KEYS  1 open
-- ARGV  1 most records  2 the part before "decisions:" in names
--
-- Computes names: ARGV[2], decisions: and a key from the index, under the tag of
-- KEYS[1].
--
-- Answers OK and the keys.

local answer = { 'OK' }
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf', 'LIMIT', 0, ARGV[1])) do
  if redis.call('EXISTS', ARGV[2] .. 'decisions:' .. key) == 1 then
    answer[#answer + 1] = key
  end
end
return answer
