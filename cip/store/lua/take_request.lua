-- Takes some requests of what a caller may send, fewer where fewer are left; a refusal changes
-- nothing.
-- KEYS: the caller's mark: the instant, in microseconds, at which all is free again.
-- ARGV: how many a window holds, window in microseconds, now in microseconds ('' is the server's),
--   how many are wanted.
-- Returns how many were taken (0: refused), how many are left, microseconds until all is free, until one is free.
local limit, window, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
-- Each request moves the mark by its share of the window; the mark is never a window ahead.
local share = math.floor(window / limit)
local whole = share * limit
local mark = tonumber(redis.call('GET', KEYS[1]) or now)
-- A clock that was set back must not lock anybody out for longer than a window.
mark = math.min(math.max(mark, now), now + whole)
local wait = mark + share - now - whole
if wait > 0 then
  return { 0, 0, mark - now, wait }
end
local taken = math.min(tonumber(ARGV[4]), math.floor((whole - (mark - now)) / share))
mark = mark + taken * share
redis.call('SET', KEYS[1], string.format('%.0f', mark), 'PX', math.ceil((mark - now) / 1000))
return { taken, math.floor((whole - (mark - now)) / share), mark - now, 0 }
