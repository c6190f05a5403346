-- commit.lua changes a record under a lease: body, journal, outbox, timer,
-- slots and the lease itself, together or not at all.
--
-- KEYS  1 lease  2 record  3 events  4 outbox  5 timers  6 open  7 closed
--       8 pending  9 slots  10 tickets  11 found
-- ARGV  1 lease as stored, "<fence> <owner>"  2 fence  3 revision expected
--       4 revision to be  5 key  6 body  7 timer in ms, 0 for none
--       8 close, 1 or 0  9 lease from now on: ms, 0 leaves it, -1 releases it
--       10 longest journal  11 most closed records  12 wake-up channel
--       13 to 16 prefixes of record, events, outbox, refs
--       17 ... the events, each behind P or -
--
-- Computes names: when closing drops an old closed record, that record's keys
-- are a prefix from ARGV followed by its key, under the hash tag of all KEYS.
--
-- Answers OK; LOST; CONFLICT revision; MISSING; CLOSED; FULL; BAD.
-- A commit that had arrived answers CONFLICT when sent again, even after its
-- lease was released: the record remembers the fence it was committed with.

local from = 17
local closing = ARGV[8] == '1'

local held = redis.call('GET', KEYS[1])
local got = redis.call('HMGET', KEYS[2], 'revision', 'open', 'timer', 'fence', 'slots')
local revision, open, timer, fence, slots = got[1], got[2], got[3], got[4], got[5]

if held ~= ARGV[1] then
  if revision == ARGV[4] and fence == ARGV[2] then
    return { 'CONFLICT', revision }
  end
  return { 'LOST' }
end
if not (revision and open and timer and fence and slots) then
  if redis.call('EXISTS', KEYS[2]) == 0 then
    return { 'MISSING' }
  end
  return { 'BAD', KEYS[2], 'a field is missing' }
end
if revision ~= ARGV[3] then
  return { 'CONFLICT', revision }
end
local was_open = open == '1'
if not was_open and ARGV[7] ~= '0' then
  return { 'CLOSED' }
end

-- What could fail is read now; see the prelude.
local length = redis.call('LLEN', KEYS[3])
if length + #ARGV - from + 1 > tonumber(ARGV[10]) and not closing then
  return { 'FULL', 'journal' }
end
local posts = first_posted(from)
local shuts = closing and was_open
if posts then
  redis.call('LLEN', KEYS[4])
  redis.call('ZCARD', KEYS[8])
end
if timer ~= ARGV[7] then
  redis.call('ZCARD', KEYS[5])
end
local last
if posts or shuts then
  last = stored_ticket(KEYS[10])
  if not last then
    return { 'BAD', KEYS[10], 'not a number' }
  end
end
if shuts then
  redis.call('ZCARD', KEYS[6])
  redis.call('ZCARD', KEYS[7])
  redis.call('HLEN', KEYS[9])
  redis.call('HLEN', KEYS[11])
end

local order = last and ticket(KEYS[10], last)
redis.call('HSET', KEYS[2], 'body', ARGV[6], 'revision', ARGV[4], 'timer', ARGV[7], 'fence', ARGV[2])
append(KEYS[3], KEYS[4], KEYS[8], ARGV[5], length, posts and order, from)
if ARGV[7] ~= '0' then
  redis.call('ZADD', KEYS[5], ARGV[7], ARGV[5])
elseif timer ~= '0' then
  redis.call('ZREM', KEYS[5], ARGV[5])
end

-- drop deletes one of the oldest closed records and reports that it did;
-- it leaves one about which people have still to be told something.
local function drop(key)
  if redis.call('EXISTS', ARGV[15] .. key) == 1 then
    return false
  end
  local refs = redis.pcall('HGETALL', ARGV[16] .. key)
  if not refs.err then
    for i = 1, #refs, 2 do
      if redis.call('HGET', KEYS[11], refs[i + 1]) == key .. '\n' .. refs[i] then
        redis.call('HDEL', KEYS[11], refs[i + 1])
      end
    end
  end
  redis.call('DEL', ARGV[13] .. key, ARGV[14] .. key, ARGV[16] .. key)
  redis.call('ZREM', KEYS[7], key)
  return true
end

if shuts then
  redis.call('HSET', KEYS[2], 'open', '0', 'slots', '')
  redis.call('ZREM', KEYS[6], ARGV[5])
  redis.call('ZADD', KEYS[7], order, ARGV[5])
  for slot in string.gmatch(slots, '[^\n]+') do
    if redis.call('HGET', KEYS[9], slot) == ARGV[5] then
      redis.call('HDEL', KEYS[9], slot)
    end
  end
  local excess = redis.call('ZCARD', KEYS[7]) - tonumber(ARGV[11])
  if excess > 0 then
    -- A few at a time: a script stops the server while it runs.
    for _, key in ipairs(redis.call('ZRANGE', KEYS[7], 0, 15)) do
      if excess > 0 and drop(key) then
        excess = excess - 1
      end
    end
  end
end

if ARGV[9] == '-1' then
  redis.call('DEL', KEYS[1])
elseif ARGV[9] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[9])
end
if posts or ARGV[7] ~= '0' then
  redis.call('PUBLISH', ARGV[12], '')
end
return { 'OK' }
