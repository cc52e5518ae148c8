-- Changes one record if nobody else did meanwhile, and says what that outdates: both or neither.
-- KEYS: hash of records, revocations. ARGV: field, old text ('' for none), new text ('' to
-- remove it), how long a revocation is kept (ms), then kind, name and epoch of the revocation, if any.
local old = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if old ~= ARGV[2] then
  return 0
end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
if ARGV[5] then
  local oldest = redis.call('TIME')[1] * 1000 - ARGV[4]
  redis.call('XADD', KEYS[2], 'MINID', '~', string.format('%d-0', oldest), '*',
    'kind', ARGV[5], 'name', ARGV[6], 'epoch', ARGV[7])
end
return 1
