-- append.lua stands between the prelude and the scripts that write a journal
-- (create.lua, commit.lua).

-- posted reports whether an event goes into the outbox: its first byte is P.
local function posted(event)
  return string.byte(event, 1) == 80
end

-- first_posted is the index in ARGV of the first posted event, nil if none is.
local function first_posted(from)
  for i = from, #ARGV do
    if posted(ARGV[i]) then
      return i
    end
  end
  return nil
end

-- append puts ARGV[from] and all that follow at the end of the journal, which
-- has `length` events, and rows for the posted ones into the outbox, each with
-- the ticket `order`. A record without rows so far joins the pending ones.
local function append(events, outbox, pending, record, length, order, from)
  for i = from, #ARGV do
    redis.call('RPUSH', events, ARGV[i])
    if posted(ARGV[i]) then
      redis.call('RPUSH', outbox, whole(length + i - from + 1) .. ' ' .. order)
    end
  end
  if order then
    redis.call('ZADD', pending, 'NX', order, record)
  end
end
