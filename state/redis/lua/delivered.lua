-- delivered.lua removes rows people have been told and stores where the
-- messages stand, under the lease of post/<key>.
--
-- KEYS  1 lease  2 record  3 outbox  4 pending  5 refs  6 found
-- ARGV  1 lease as stored, "<fence> <owner>"  2 key  3 last seq delivered
--       4 most refs  5 ... name and reference in turn
--
-- Answers OK; LOST; MISSING; FULL; BAD.
-- A name that gets another reference is no longer found by the old one.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return { 'LOST' }
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  return { 'MISSING' }
end
redis.call('ZCARD', KEYS[4])
redis.call('HLEN', KEYS[6])
local known = redis.call('HLEN', KEYS[5])
for i = 5, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[5], ARGV[i]) == 0 then
    known = known + 1
  end
end
if known > tonumber(ARGV[4]) then
  return { 'FULL', 'message references' }
end

local last = tonumber(ARGV[3])
local count, order = 0, nil
for _, row in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do
  local seq, since = string.match(row, '^(%d+) (%d+)$')
  if not seq then
    return { 'BAD', KEYS[3], 'a row is not two numbers' }
  end
  if tonumber(seq) > last then
    order = since
    break
  end
  count = count + 1
end

if count > 0 then
  redis.call('LTRIM', KEYS[3], count, -1)
  if order then
    redis.call('ZADD', KEYS[4], order, ARGV[2])
  else
    redis.call('ZREM', KEYS[4], ARGV[2])
  end
end
for i = 5, #ARGV, 2 do
  local way_back = ARGV[2] .. '\n' .. ARGV[i]
  local old = redis.call('HGET', KEYS[5], ARGV[i])
  if old and redis.call('HGET', KEYS[6], old) == way_back then
    redis.call('HDEL', KEYS[6], old)
  end
  redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1])
  redis.call('HSET', KEYS[6], ARGV[i + 1], way_back)
end
return { 'OK' }
