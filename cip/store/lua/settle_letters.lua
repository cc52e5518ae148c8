-- Takes dead letters away and, where an event is given for one, appends it to the stream: both or
-- neither, and for each letter once.
-- KEYS: letters, digests that have a letter, counts, index, stream, seen, seen_before, version of the
--   tombstones
-- ARGV: version the caller knows ('' where it appends nothing), then for each letter: its id, digest
--   of the event's id ('' to discard the letter), the event, '1' where an event whose id was seen is
--   a duplicate
-- Answers for each: '' (no such letter), 'discarded', 'duplicate', or the new stream id; -1 when a
-- customer was erased since the caller looked.
if ARGV[1] ~= '' and (redis.call('GET', KEYS[8]) or '0') ~= ARGV[1] then return -1 end
local letters, digests, counts, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local stream, seen, before = KEYS[5], KEYS[6], KEYS[7]
local SEP = '\31'

local fewer = {}

local function less(name, by) fewer[name] = (fewer[name] or 0) + by end

local function take(id)
  local found = redis.call('XRANGE', letters, id, id)[1]
  -- XDEL goes first: it takes no memory, so a full server does not stop the writes after it.
  if not found or redis.call('XDEL', letters, id) == 0 then return false end
  local letter = {}
  for i = 1, #found[2], 2 do letter[found[2][i]] = found[2][i + 1] end
  local source = letter['source'] or ''
  local reason = source .. SEP .. (letter['code'] or '') .. SEP .. (letter['field'] or '')
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  redis.call('ZREM', index, reason .. SEP .. string.format('%013d-%010d', ms, seq))
  less('reason' .. SEP .. reason, 1)
  less('letters' .. SEP .. source, 1)
  less('bytes' .. SEP .. source, #(letter['payload'] or ''))
  -- Marks of stream entries are kept elsewhere, and stay: an entry may be read again.
  redis.call('SREM', digests, letter['mark'] or '')
  return true
end

local function append(digest, event, heed)
  if heed == '1' and (redis.call('SISMEMBER', seen, digest) == 1
      or redis.call('SISMEMBER', before, digest) == 1) then
    return 'duplicate'
  end
  local id = redis.call('XADD', stream, '*', 'e', event)
  redis.call('SADD', seen, digest)
  return id
end

local answers = {}
for i = 2, #ARGV, 4 do
  local answer = ''
  if take(ARGV[i]) then
    answer = ARGV[i + 1] == '' and 'discarded' or append(ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
  end
  answers[#answers + 1] = answer
end
for name, amount in pairs(fewer) do
  if redis.call('HINCRBY', counts, name, -amount) <= 0 then redis.call('HDEL', counts, name) end
end
return answers
