-- The fields of many hashes in one answer: a client parses it at once, instead of one by one.
local found = {}
for number, key in ipairs(KEYS) do
  found[number] = redis.call('HGETALL', key)
end
return found
