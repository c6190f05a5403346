-- hint.lua leaves a hint with a new mark, or settles one that has still the
-- mark it was read with.
--
-- KEYS  1 hints  2 tickets
-- ARGV  1 name  2 mark to settle, 0 to leave the hint  3 most hints
--       4 channel of the news
--
-- Answers OK; FULL; BAD.

local mark = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ARGV[2] ~= '0' then
  if mark and tonumber(mark) == tonumber(ARGV[2]) then
    redis.call('ZREM', KEYS[1], ARGV[1])
  end
  return { 'OK' }
end
if not mark and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  return { 'FULL', 'hints' }
end
local last = stored_ticket(KEYS[2])
if not last then
  return { 'BAD', KEYS[2], 'not a number' }
end
redis.call('ZADD', KEYS[1], ticket(KEYS[2], last), ARGV[1])
redis.call('PUBLISH', ARGV[4], '')
return { 'OK' }
