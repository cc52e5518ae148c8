-- Changes fields of a session that is still there; one that has ended never comes back.
-- KEYS: session. ARGV: for how long it goes on (ms, 0 to leave that as it
-- is), then fields and values.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
if ARGV[1] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 1
