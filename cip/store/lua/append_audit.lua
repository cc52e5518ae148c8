-- Appends an entry to an audit log if the head is still the one that the entry was built on.
-- KEYS: stream, head
-- ARGV: number and hash of that head ('0', '' for none), then the new number, hash, key id, seal
--   and body
-- Answers {id}, or {'', number, hash, key id, seal} of the present head.
local stream, head = KEYS[1], KEYS[2]
local found = redis.call('HMGET', head, 'number', 'hash', 'kid', 'seal')
if (found[1] or '0') ~= ARGV[1] or (found[2] or '') ~= ARGV[2] then
  return {'', found[1] or '0', found[2] or '', found[3] or '', found[4] or ''}
end
local number, hash, kid, seal, body = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local id = redis.call('XADD', stream, '*', 'n', number, 'k', kid, 'h', hash, 'e', body)
redis.call('HSET', head, 'number', number, 'hash', hash, 'kid', kid, 'seal', seal)
return {id}
