-- append.lua stands between the prelude and the scripts that write a journal
-- (create.lua, commit.lua). Events are the arguments from ARGV[from] on.

-- posts reports whether an event goes into the outbox: its first byte is P.
local function posts(event)
  return string.byte(event, 1) == 80
end

-- any_posts reports whether one of the events does.
local function any_posts(from)
  for i = from, #ARGV do
    if posts(ARGV[i]) then
      return true
    end
  end
  return false
end

-- post puts rows into the outbox for the events that want it; the journal has
-- `length` events with them. A row carries the server's clock in microseconds
-- as the time since when it waits, and a record without rows so far joins the
-- pending ones with it. The clock may be set back: that changes who is told
-- first, nothing else, and saves writing a ticket with every commit.
local function post(outbox, pending, key, length, from)
  local now = redis.call('TIME')
  local since = whole(tonumber(now[1]) * 1000000 + tonumber(now[2]))
  local first = length - #ARGV + from
  for i = from, #ARGV do
    if posts(ARGV[i]) then
      redis.call('RPUSH', outbox, whole(first + i - from) .. ' ' .. since)
    end
  end
  redis.call('ZADD', pending, 'NX', since, key)
end
