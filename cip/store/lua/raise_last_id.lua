-- Makes the next entry's id greater than the history's position. A server that lost its newest
-- writes (a failover, a flush) could otherwise give an id out again, which the history skips.
-- Answers 1 where that was needed.  KEYS: stream.  ARGV: id
local function parts(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    local ms, seq = parts(info[i + 1])
    local least_ms, least_seq = parts(ARGV[1])
    if ms > least_ms or (ms == least_ms and seq >= least_seq) then return 0 end
  end
end
redis.call('XSETID', KEYS[1], ARGV[1])
return 1
