-- claim.lua takes a lease that nobody holds, with a fence larger than any
-- given out before.
--
-- KEYS  1 lease  2 tickets
-- ARGV  1 owner  2 length in ms
--
-- Answers OK fence; HELD "<fence> <owner>"; BAD.

local held = redis.call('GET', KEYS[1])
if held then
  return { 'HELD', held }
end
local last = stored_ticket(KEYS[2])
if not last then
  return { 'BAD', KEYS[2], 'not a number' }
end
local fence = ticket(KEYS[2], last)
redis.call('SET', KEYS[1], fence .. ' ' .. ARGV[1], 'PX', ARGV[2])
return { 'OK', fence }
