-- Applies a batch to the live counters. An entry counts only if its XACK removes it from the
-- pending list, so a redelivery, a takeover or a repeated call changes nothing.
-- KEYS: stream, generation, paused, version, first_seen, meta
-- ARGV: group, generation the caller knows, prefix of its counters, seconds a bucket lives, batch,
--   the minute up to which (inclusive) nothing is kept
-- batch: JSON list of [id, minute, type, channel, customer, occurred_us, amount, kind, counted]
--   kind: 0 other, 1 purchase, 2 refund; counted: 0 when the minute is too old to be kept
-- Answers {applied} or {-1} when paused, {-2} when the generation has changed.
local stream, first_seen, meta = KEYS[1], KEYS[5], KEYS[6]
local group, prefix, life = ARGV[1], ARGV[3], tonumber(ARGV[4])
if redis.call('EXISTS', KEYS[3]) == 1 then return {-1} end
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[2] then return {-2} end

local SEP = '\31'
local sums, people, expiry = {}, {}, {}

local function add(bucket, field, amount)
  local fields = sums[bucket]
  if not fields then fields = {}; sums[bucket] = fields end
  fields[field] = (fields[field] or 0) + amount
end
local function count(minute, field, amount)
  local hour = math.floor(minute / 60)
  local m, h = prefix .. 'm:' .. minute, prefix .. 'h:' .. hour
  expiry[m] = minute * 60 + life
  expiry[h] = (hour + 1) * 3600 + life
  add(m, field, amount)
  add(h, field, amount)
end
local function meet(key, customer, at)
  local set = people[key]
  if not set then set = {}; people[key] = set end
  set[customer] = true
  expiry[key] = at
end
local function person(minute, who, channel, customer)
  local hour = math.floor(minute / 60)
  local m, h = prefix .. 'm' .. who .. ':' .. minute, prefix .. 'h' .. who .. ':' .. hour
  local m_end, h_end = minute * 60 + life, (hour + 1) * 3600 + life
  meet(m, customer, m_end)
  meet(h, customer, h_end)
  meet(m .. ':' .. channel, customer, m_end)
  meet(h .. ':' .. channel, customer, h_end)
end

local applied, newest = 0, tonumber(redis.call('HGET', meta, 'newest_us') or '-9e15')
for _, entry in ipairs(cjson.decode(ARGV[5])) do
  local id, minute, kind_of, channel, customer = entry[1], entry[2], entry[3], entry[4], entry[5]
  local at, amount, kind, counted = entry[6], entry[7], entry[8], entry[9]
  if redis.call('XACK', stream, group, id) == 1 then
    applied = applied + 1
    if at > newest then newest = at end
    if counted == 1 then
      count(minute, 'n' .. SEP .. channel .. SEP .. kind_of, 1)
      person(minute, 'a', channel, customer)
      if kind == 1 then
        count(minute, 'a' .. SEP .. channel, amount)
        person(minute, 'b', channel, customer)
      elseif kind == 2 then
        count(minute, 'r' .. SEP .. channel, amount)
      end
    end
    local known = redis.call('HGET', first_seen, customer)
    local known_at, known_channel
    if known then
      local cut = string.find(known, SEP, 1, true)
      known_at, known_channel = tonumber(string.sub(known, 1, cut - 1)), string.sub(known, cut + 1)
    end
    if not known or at < known_at then
      redis.call('HSET', first_seen, customer, string.format('%.0f', at) .. SEP .. channel)
      if counted == 1 then count(minute, 'f' .. SEP .. channel, 1) end
      -- The customer was new in a later minute until now.
      local known_minute = known and math.floor(known_at / 60000000)
      if known and known_minute > tonumber(ARGV[6]) then
        count(known_minute, 'f' .. SEP .. known_channel, -1)
      end
    end
  end
end

if applied == 0 then return {0} end
for bucket, fields in pairs(sums) do
  for field, amount in pairs(fields) do
    redis.call('HINCRBY', bucket, field, string.format('%.0f', amount))
  end
end
for key, set in pairs(people) do
  local members = {}
  for customer in pairs(set) do members[#members + 1] = customer end
  redis.call('PFADD', key, unpack(members))
end
for key, at in pairs(expiry) do redis.call('EXPIREAT', key, string.format('%.0f', at)) end
redis.call('HSET', meta, 'newest_us', string.format('%.0f', newest))
redis.call('HINCRBY', meta, 'applied', applied)
redis.call('INCR', KEYS[4])
return {applied}
