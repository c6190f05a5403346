-- create.lua makes an open record, takes its slots, and starts its journal.
--
-- KEYS  1 record  2 events  3 outbox  4 timers  5 pending  6 open  7 slots
--       8 tickets
-- ARGV  1 key  2 body  3 timer in ms, 0 for none  4 slots, one a line
--       5 most open records  6 channel of wake-ups  7 channel of the news
--       8 ... the events, each behind P or -
--
-- Answers OK; EXISTS; TAKEN slot holder; FULL; BAD.
-- EXISTS comes before TAKEN: a creation sent twice finds itself, not its slots.

local from = 8
local each_slot = '[^\n]+'

if redis.call('EXISTS', KEYS[1]) == 1 then
  return { 'EXISTS' }
end
for slot in string.gmatch(ARGV[4], each_slot) do
  local holder = redis.call('HGET', KEYS[7], slot)
  if holder then
    return { 'TAKEN', slot, holder }
  end
end
if redis.call('ZCARD', KEYS[6]) >= tonumber(ARGV[5]) then
  return { 'FULL', 'open records' }
end
if redis.call('LLEN', KEYS[2]) + redis.call('LLEN', KEYS[3]) > 0 then
  return { 'BAD', KEYS[2], 'a journal or rows without a record' }
end
redis.call('ZCARD', KEYS[4])
redis.call('ZCARD', KEYS[5])
local last = stored_ticket(KEYS[8])
if not last then
  return { 'BAD', KEYS[8], 'not a number' }
end

local order = ticket(KEYS[8], last)
redis.call('HSET', KEYS[1], 'body', ARGV[2], 'revision', '1', 'open', '1',
  'timer', ARGV[3], 'lease', '', 'slots', ARGV[4])
redis.call('ZADD', KEYS[6], order, ARGV[1])
for slot in string.gmatch(ARGV[4], each_slot) do
  redis.call('HSET', KEYS[7], slot, ARGV[1])
end
if #ARGV >= from then
  redis.call('RPUSH', KEYS[2], unpack(ARGV, from))
end
local posting = any_posts(from)
if posting then
  post(KEYS[3], KEYS[5], ARGV[1], #ARGV - from + 1, from)
end
if ARGV[3] ~= '0' then
  redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
  redis.call('PUBLISH', ARGV[6], '')
end
if posting then
  redis.call('PUBLISH', ARGV[7], '')
end
return { 'OK' }
