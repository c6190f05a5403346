-- decide.lua stores what somebody decided about a record that is open.
--
-- KEYS  1 record  2 decisions
-- ARGV  1 name  2 body  3 most decisions
--
-- Answers OK; MISSING; FULL.

if redis.call('HGET', KEYS[1], 'open') ~= '1' then
  return { 'MISSING' }
end
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[3]) then
  return { 'FULL', 'decisions' }
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return { 'OK' }
