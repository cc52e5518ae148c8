-- Takes one of the tries that a bucket holds, unless it is full; a refusal changes nothing.
-- KEYS: bucket (a list of the tries' times, oldest first).
-- ARGV: now ms, window ms, limit ('' counts and never refuses).
-- Returns the ms until a try is free, 0 when this one was taken.
local now, window, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local oldest = redis.call('LINDEX', KEYS[1], 0)
while oldest and tonumber(oldest) <= now - window do
  redis.call('LPOP', KEYS[1])
  oldest = redis.call('LINDEX', KEYS[1], 0)
end
local taken = redis.call('LLEN', KEYS[1])
if limit and taken >= limit then
  return math.max(1, tonumber(redis.call('LINDEX', KEYS[1], taken - limit)) + window - now)
end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 0
