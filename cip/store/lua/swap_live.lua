-- uses groups
-- Puts a rebuilt generation into force. Entries up to the cut are in it already: the group goes on
-- behind them.
-- KEYS: stream, generation, paused, version, first_seen and meta of the new generation, which were
--   to expire while it was not in force, and of the one before, which go once nobody reads them
-- ARGV: group, new generation, cut, entries ever added up to it, token of the pause, seconds that the
--   one before stays
if redis.call('GET', KEYS[3]) ~= ARGV[5] then return 0 end
move(KEYS[1], ARGV[1], ARGV[3], tonumber(ARGV[4]))
redis.call('SET', KEYS[2], ARGV[2])
for i = 5, 6 do redis.call('PERSIST', KEYS[i]) end
for i = 7, 8 do redis.call('EXPIRE', KEYS[i], ARGV[6]) end
redis.call('DEL', KEYS[3])
redis.call('INCR', KEYS[4])
return 1
