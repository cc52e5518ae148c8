-- Ends a session, and refuses the access tokens that were issued for it.
-- KEYS: session, the user's sessions, revocations. ARGV: session id, how long a revocation
-- is kept (ms), epoch.
local ended = redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
local oldest = redis.call('TIME')[1] * 1000 - ARGV[2]
redis.call('XADD', KEYS[3], 'MINID', '~', string.format('%d-0', oldest), '*',
  'kind', 'session', 'name', ARGV[1], 'epoch', ARGV[3])
return ended
