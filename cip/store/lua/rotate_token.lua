-- Spends one refresh token of a family. KEYS: family, revocations. ARGV: token id, next token id,
-- now (ms), life of the next one (ms), grace (ms), family id, how long a revocation is kept (ms),
-- epoch.
-- Answers 1 (rotated), 2 (spent a moment ago), 3 (reused: the family is revoked), 0 (no family).
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
if redis.call('HGET', KEYS[1], 'current') == ARGV[1] then
  -- What was spent longer ago is known by not being known: a client that goes on and on must not
  -- fill the memory.
  local fields = redis.call('HGETALL', KEYS[1])
  for i = 1, #fields, 2 do
    local old = string.sub(fields[i], 1, 6) == 'spent:'
    if old and tonumber(ARGV[3]) - tonumber(fields[i + 1]) >= tonumber(ARGV[5]) then
      redis.call('HDEL', KEYS[1], fields[i])
    end
  end
  redis.call('HSET', KEYS[1], 'current', ARGV[2], 'spent:' .. ARGV[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return 1
end
local spent = redis.call('HGET', KEYS[1], 'spent:' .. ARGV[1])
if spent and tonumber(ARGV[3]) - tonumber(spent) < tonumber(ARGV[5]) then
  return 2
end
redis.call('DEL', KEYS[1])
local oldest = redis.call('TIME')[1] * 1000 - ARGV[7]
redis.call('XADD', KEYS[2], 'MINID', '~', string.format('%d-0', oldest), '*',
  'kind', 'session', 'name', ARGV[6], 'epoch', ARGV[8])
return 3
