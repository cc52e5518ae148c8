-- Writes dead letters, each once; those beyond the limits are counted and not kept.
-- KEYS: letters, marks of what has a letter, counts, index
-- ARGV: source, most letters and most bytes of that source ('' for no limit), then for each letter:
--   mark, stream id, code, field, message, payload, '1' where the payload was cut
-- Answers how many were written. The first write is one that a full server refuses: all or nothing.
local letters, marks, counts, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local source, most, most_bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local SEP = '\31'
local number, bytes = 'letters' .. SEP .. source, 'bytes' .. SEP .. source
local written = 0

local function full(size)
  if not most then return false end
  local held = redis.call('HMGET', counts, number, bytes)
  return tonumber(held[1] or '0') >= most or tonumber(held[2] or '0') + size > most_bytes
end

for i = 4, #ARGV, 7 do
  local mark, payload = ARGV[i], ARGV[i + 5]
  if redis.call('SISMEMBER', marks, mark) == 0 then
    if full(#payload) then
      redis.call('HINCRBY', counts, 'not_kept', 1)
    else
      local id = redis.call('XADD', letters, '*', 'source', source, 'mark', mark,
        'stream_id', ARGV[i + 1], 'code', ARGV[i + 2], 'field', ARGV[i + 3],
        'message', ARGV[i + 4], 'payload', payload, 'truncated', ARGV[i + 6])
      local reason = source .. SEP .. ARGV[i + 2] .. SEP .. ARGV[i + 3]
      local ms, seq = string.match(id, '^(%d+)-(%d+)$')
      redis.call('SADD', marks, mark)
      redis.call('ZADD', index, 0, reason .. SEP .. string.format('%013d-%010d', ms, seq))
      redis.call('HINCRBY', counts, 'reason' .. SEP .. reason, 1)
      redis.call('HINCRBY', counts, number, 1)
      redis.call('HINCRBY', counts, bytes, #payload)
      written = written + 1
    end
  end
end
return written
