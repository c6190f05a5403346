-- prelude.lua stands before every other script.
--
-- Answers are arrays whose first element is a word:
--   OK ...            done; what follows depends on the script
--   LOST              the lease is not held with this fence and owner
--   HELD holder       somebody else holds the lease
--   CONFLICT revision the record has another revision
--   MISSING           there is no such record
--   EXISTS            there is one already
--   TAKEN slot holder the slot belongs to another record
--   FULL what         a bound would be crossed
--   CLOSED            the record is closed, and cannot have a timer
--   BAD key what      the data under key is not what this program stores
--
-- Redis does not undo what a script wrote before it failed. Every script
-- therefore reads each key it is going to write before it writes the first
-- (a key of another type fails there), and names what is wrong as BAD.

-- whole writes a number without an exponent; Lua would round long ones.
local function whole(n)
  return string.format('%.0f', n)
end

-- ticket gives the next number of the one counter behind fences, orders and
-- marks: one more than the last, and never less than the server's clock in
-- milliseconds. After the counter was lost (Redis emptied, a replica promoted
-- early) it goes on above whatever it gave out before, as long as it gave out
-- less than one a millisecond on average.
-- The caller has read the counter before its first write: see stored_ticket.
local function ticket(key, last)
  local now = redis.call('TIME')
  local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
  local n = whole(math.max(last + 1, ms))
  redis.call('SET', key, n)
  return n
end

-- stored_ticket reads the last ticket, nil if it is not a number.
local function stored_ticket(key)
  local last = redis.call('GET', key)
  if not last then
    return 0
  end
  return tonumber(last)
end
