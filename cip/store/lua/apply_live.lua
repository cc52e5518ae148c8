-- uses groups
-- Adds a batch to the live counters and moves the group past it, both or neither. The group must
-- stand where the batch begins: a repeat, a takeover or a paused rival finds it moved, and changes
-- nothing.
-- KEYS: stream, generation, paused, version, first_seen, meta
-- ARGV: group, generation the caller knows, prefix of its counters, where the batch begins (the id
--   before it), its last id, its number of entries, what they add (JSON), the minute up to which
--   (inclusive) nothing is kept
-- what they add: sums [[bucket, [field, amount, …]], …], people [[[bucket, …], [place in `first`, …]], …],
--   expiry [bucket, at, …], first [[customer, occurred_us, channel, minute, kept], …],
--   applied, late, newest_us
-- Answers the number applied, -1 when paused, -2 when the generation has changed, -3 when the
-- group stands elsewhere.
local stream, first_seen, meta = KEYS[1], KEYS[5], KEYS[6]
local group, prefix = ARGV[1], ARGV[3]
if redis.call('EXISTS', KEYS[3]) == 1 then return -1 end
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[2] then return -2 end
local at, read = standing(stream, group)
if at ~= ARGV[4] then return -3 end
move(stream, group, ARGV[5], read + tonumber(ARGV[6]))

local SEP = '\31'
local batch = cjson.decode(ARGV[7])
if batch.applied == 0 then return 0 end

local function add(bucket, field, amount)
  redis.call('HINCRBY', prefix .. bucket, field, string.format('%.0f', amount))
end
for _, sums in ipairs(batch.sums) do
  local bucket, fields = sums[1], sums[2]
  for i = 1, #fields, 2 do add(bucket, fields[i], fields[i + 1]) end
end
local names = {}
for i, one in ipairs(batch.first) do names[i] = one[1] end
for _, met in ipairs(batch.people) do
  local customers = met[2]
  for i = 1, #customers do customers[i] = names[customers[i]] end
  for _, bucket in ipairs(met[1]) do redis.call('PFADD', prefix .. bucket, unpack(customers)) end
end

-- The earliest event of each customer in the batch against the earliest ever.
local known = redis.call('HMGET', first_seen, unpack(names))
local found = {}
for i, one in ipairs(batch.first) do
  local customer, occurred, channel, minute, kept = one[1], one[2], one[3], one[4], one[5]
  local known_at, known_channel
  if known[i] then
    local cut = string.find(known[i], SEP, 1, true)
    known_at = tonumber(string.sub(known[i], 1, cut - 1))
    known_channel = string.sub(known[i], cut + 1)
  end
  if not known_at or occurred < known_at then
    found[#found + 1] = customer
    found[#found + 1] = string.format('%.0f', occurred) .. SEP .. channel
    if kept == 1 then
      add('m:' .. minute, 'f' .. SEP .. channel, 1)
      add('h:' .. math.floor(minute / 60), 'f' .. SEP .. channel, 1)
    end
    -- The customer was new in a later minute until now.
    local known_minute = known_at and math.floor(known_at / 60000000)
    if known_minute and known_minute > tonumber(ARGV[8]) then
      add('m:' .. known_minute, 'f' .. SEP .. known_channel, -1)
      add('h:' .. math.floor(known_minute / 60), 'f' .. SEP .. known_channel, -1)
    end
  end
end
if #found > 0 then redis.call('HSET', first_seen, unpack(found)) end

for i = 1, #batch.expiry, 2 do
  redis.call('EXPIREAT', prefix .. batch.expiry[i], string.format('%.0f', batch.expiry[i + 1]), 'NX')
end
local newest = tonumber(redis.call('HGET', meta, 'newest_us') or '-9e15')
if batch.newest_us > newest then newest = batch.newest_us end
redis.call('HSET', meta, 'newest_us', string.format('%.0f', newest))
redis.call('HINCRBY', meta, 'applied', batch.applied)
if batch.late > 0 then redis.call('HINCRBY', meta, 'late', batch.late) end
redis.call('INCR', KEYS[4])
return batch.applied
