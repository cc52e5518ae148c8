-- Writes tombstones, whose instants only grow, and with them the record of the erasure, if any.
-- KEYS: tombstones, version, records, open
-- ARGV: id of the record ('' for none), the record, then pairs of (name of a digest, instant)
-- Answers {version, how many tombstones are new or later than they were}.
local grown = 0
for i = 3, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if not known or tonumber(known) < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    grown = grown + 1
  end
end
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
  redis.call('SADD', KEYS[4], ARGV[1])
end
if grown > 0 then return {redis.call('INCR', KEYS[2]), grown} end
return {tonumber(redis.call('GET', KEYS[2]) or '0'), 0}
