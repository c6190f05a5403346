-- commit.lua changes a record under a lease: body, journal, outbox, timer,
-- slots, a hint and the lease itself, together or not at all.
--
-- KEYS  1 lease  2 record  3 events  4 outbox  5 timers  6 pending
--       7 hints  8 tickets
--       and only when the change closes the record:
--       9 open  10 closed  11 slots  12 found  13 decisions
-- ARGV  1 lease as stored, "<fence> <owner>"  2 revision expected
--       3 revision to be  4 key  5 body  6 timer in ms, 0 for none
--       7 lease from now on: ms, 0 leaves it, -1 releases it
--       8 longest journal  9 most closed records  10 channel of wake-ups
--       11 channel of the news  12 hint, empty for none  13 most hints
--       14 ... the events, each behind P or -
--
-- Computes names: when closing drops an old closed record, that one's names
-- are put together from what stands before "closed" in KEYS[10] and its key.
-- They carry the hash tag of all KEYS.
--
-- Answers OK; LOST; CONFLICT revision; MISSING; CLOSED; FULL; BAD.
-- A commit that had arrived answers CONFLICT when sent again, even after its
-- lease was released: the record remembers the lease it was committed with.

local from = 14
local events = #ARGV - from + 1
local closing = #KEYS > 8

local held = redis.call('GET', KEYS[1])
local got = redis.call('HMGET', KEYS[2], 'revision', 'open', 'timer', 'lease')
local revision, open, timer, by = got[1], got[2], got[3], got[4]

if held ~= ARGV[1] then
  if revision == ARGV[3] and by == ARGV[1] then
    return { 'CONFLICT', revision }
  end
  return { 'LOST' }
end
if not (revision and open and timer and by) then
  if redis.call('EXISTS', KEYS[2]) == 0 then
    return { 'MISSING' }
  end
  return { 'BAD', KEYS[2], 'a field is missing' }
end
if revision ~= ARGV[2] then
  return { 'CONFLICT', revision }
end
if open ~= '1' and ARGV[6] ~= '0' then
  return { 'CLOSED' }
end

-- What could fail is read now; see the prelude. The journal needs no reading:
-- it is written first.
closing = closing and open == '1'
local posting = any_posts(from)
if posting then
  redis.call('LLEN', KEYS[4])
  redis.call('ZCARD', KEYS[6])
end
if timer ~= ARGV[6] then
  redis.call('ZCARD', KEYS[5])
end
-- A hint that finds no room, or a set that is none, is not worth a commit.
local hinting = ARGV[12] ~= ''
if hinting then
  local marked = redis.pcall('ZSCORE', KEYS[7], ARGV[12])
  if type(marked) == 'table' then
    hinting = false
  elseif not marked then
    hinting = redis.call('ZCARD', KEYS[7]) < tonumber(ARGV[13])
  end
end
local slots, last
if closing or hinting then
  last = stored_ticket(KEYS[8])
  if not last then
    return { 'BAD', KEYS[8], 'not a number' }
  end
end
if closing then
  slots = redis.call('HGET', KEYS[2], 'slots')
  if not slots then
    return { 'BAD', KEYS[2], 'a field is missing' }
  end
  redis.call('ZCARD', KEYS[9])
  redis.call('ZCARD', KEYS[10])
  redis.call('HLEN', KEYS[11])
  redis.call('HLEN', KEYS[12])
end

local length = 0
if events > 0 then
  length = redis.call('RPUSH', KEYS[3], unpack(ARGV, from))
  if length > tonumber(ARGV[8]) and not closing then
    redis.call('LTRIM', KEYS[3], 0, -1 - events)
    return { 'FULL', 'journal' }
  end
end
redis.call('HSET', KEYS[2], 'body', ARGV[5], 'revision', ARGV[3], 'timer', ARGV[6], 'lease', ARGV[1])
if posting then
  post(KEYS[4], KEYS[6], ARGV[4], length, from)
end
if timer ~= ARGV[6] then
  if ARGV[6] == '0' then
    redis.call('ZREM', KEYS[5], ARGV[4])
  else
    redis.call('ZADD', KEYS[5], ARGV[6], ARGV[4])
  end
end

if hinting then
  last = ticket(KEYS[8], last)
  redis.call('ZADD', KEYS[7], last, ARGV[12])
end
if closing then
  redis.call('HSET', KEYS[2], 'open', '0', 'slots', '')
  redis.call('DEL', KEYS[13])
  redis.call('ZREM', KEYS[9], ARGV[4])
  redis.call('ZADD', KEYS[10], ticket(KEYS[8], last), ARGV[4])
  for slot in string.gmatch(slots, '[^\n]+') do
    if redis.call('HGET', KEYS[11], slot) == ARGV[4] then
      redis.call('HDEL', KEYS[11], slot)
    end
  end
  local tag = string.sub(KEYS[10], 1, -1 - #'closed')
  -- drop deletes one of the oldest closed records and reports that it did;
  -- it leaves one about which people have still to be told something.
  local function drop(key)
    local refs = redis.pcall('HGETALL', tag .. 'refs:' .. key)
    if refs.err or redis.call('EXISTS', tag .. 'outbox:' .. key) == 1 then
      return false
    end
    for i = 1, #refs, 2 do
      if redis.call('HGET', KEYS[12], refs[i + 1]) == key .. '\n' .. refs[i] then
        redis.call('HDEL', KEYS[12], refs[i + 1])
      end
    end
    redis.call('DEL', tag .. 'record:' .. key, tag .. 'events:' .. key, tag .. 'refs:' .. key)
    redis.call('ZREM', KEYS[10], key)
    return true
  end
  local excess = redis.call('ZCARD', KEYS[10]) - tonumber(ARGV[9])
  if excess > 0 then
    -- A few at a time: a script stops the server while it runs.
    for _, key in ipairs(redis.call('ZRANGE', KEYS[10], 0, 15)) do
      if excess > 0 and drop(key) then
        excess = excess - 1
      end
    end
  end
end

if ARGV[7] == '-1' then
  redis.call('DEL', KEYS[1])
elseif ARGV[7] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
end
-- Nobody sleeps longer than to the timer that was there. A stored one that is
-- no number counts as none.
local before = tonumber(timer) or 0
if ARGV[6] ~= '0' and (before == 0 or tonumber(ARGV[6]) < before) then
  redis.call('PUBLISH', ARGV[10], '')
end
if posting or hinting then
  redis.call('PUBLISH', ARGV[11], '')
end
return { 'OK' }
