-- renew.lua gives a lease that is still held another length from now on, or
-- gives it up.
--
-- KEYS  1 lease
-- ARGV  1 lease as stored, "<fence> <owner>"  2 length in ms, 0 to give it up
--
-- Answers OK; LOST.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return { 'LOST' }
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return { 'OK' }
