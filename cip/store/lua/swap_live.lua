-- uses groups
-- Puts a rebuilt generation into force. Entries up to the cut are in it already: the group goes on
-- behind them.
-- KEYS: stream, generation, paused, version
-- ARGV: group, new generation, cut, entries ever added up to it, token of the pause
if redis.call('GET', KEYS[3]) ~= ARGV[5] then return 0 end
move(KEYS[1], ARGV[1], ARGV[3], tonumber(ARGV[4]))
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[3])
redis.call('INCR', KEYS[4])
return 1
