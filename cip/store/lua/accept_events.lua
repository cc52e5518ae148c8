-- Appends the events whose id was not seen within the window; answers one stream id or '' each.
-- Answers -1 when a customer was erased since the caller looked, and does nothing.
-- KEYS: stream, seen, seen_before, seen_rotated, version of the tombstones
-- ARGV: window in ms, version the caller knows, then pairs of (digest of the event id, payload)
local stream, seen, before, rotated = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if (redis.call('GET', KEYS[5]) or '0') ~= ARGV[2] then return -1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = tonumber(redis.call('GET', rotated) or '0')
-- The server's own clock turns the sets over, so that web processes need not agree on the time.
if now - since >= tonumber(ARGV[1]) then
  redis.call('UNLINK', before)
  if redis.call('EXISTS', seen) == 1 then redis.call('RENAME', seen, before) end
  redis.call('SET', rotated, string.format('%.0f', now))
end
local answers, fresh, inside = {}, {}, {}
local digests = {}
for i = 3, #ARGV, 2 do digests[#digests + 1] = ARGV[i] end
if #digests == 0 then return answers end
local known = redis.call('SMISMEMBER', seen, unpack(digests))
local known_before = redis.call('SMISMEMBER', before, unpack(digests))
for i = 1, #digests do
  local digest = digests[i]
  if known[i] == 1 or known_before[i] == 1 or inside[digest] then
    answers[i] = ''
  else
    inside[digest] = true
    fresh[#fresh + 1] = digest
    answers[i] = redis.call('XADD', stream, '*', 'e', ARGV[2 * i + 2])
  end
end
if #fresh > 0 then redis.call('SADD', seen, unpack(fresh)) end
return answers
