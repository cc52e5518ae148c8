-- Writes dead letters, each once; those beyond the limits are counted and not kept.
-- KEYS: letters, marks of what has a letter, counts, index, version of the tombstones
-- ARGV: source, most letters and most bytes of that source ('' for no limit), version of the
--   tombstones that the caller knows ('' for any; where it is another, -1 is answered), then each:
--   mark, stream id, code, field, message, payload, '1' where the payload was cut
-- Answers how many were written. The first write is one that a full server refuses: all or nothing.
local letters, marks, counts, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local source, most, most_bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[4] ~= '' and (redis.call('GET', KEYS[5]) or '0') ~= ARGV[4] then return -1 end
local SEP = '\31'
local number, bytes = 'letters' .. SEP .. source, 'bytes' .. SEP .. source
local held = redis.call('HMGET', counts, number, bytes)
local room = most and most - tonumber(held[1] or '0')
local room_bytes = most and most_bytes - tonumber(held[2] or '0')
local more, written = {}, 0

local function add(name, amount) more[name] = (more[name] or 0) + amount end

local function write(i)
  local id = redis.call('XADD', letters, '*', 'source', source, 'mark', ARGV[i],
    'stream_id', ARGV[i + 1], 'code', ARGV[i + 2], 'field', ARGV[i + 3],
    'message', ARGV[i + 4], 'payload', ARGV[i + 5], 'truncated', ARGV[i + 6])
  local reason = source .. SEP .. ARGV[i + 2] .. SEP .. ARGV[i + 3]
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  redis.call('ZADD', index, 0, reason .. SEP .. string.format('%013d-%010d', ms, seq))
  add('reason' .. SEP .. reason, 1)
  add(number, 1)
  add(bytes, #ARGV[i + 5])
  written = written + 1
end

for i = 5, #ARGV, 7 do
  local size = #ARGV[i + 5]
  if most and (room < 1 or room_bytes < size) then
    if redis.call('SISMEMBER', marks, ARGV[i]) == 0 then add('not_kept', 1) end
  elseif redis.call('SADD', marks, ARGV[i]) == 1 then
    if most then room, room_bytes = room - 1, room_bytes - size end
    write(i)
  end
end
for name, amount in pairs(more) do redis.call('HINCRBY', counts, name, amount) end
return written
