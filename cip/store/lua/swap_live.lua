-- Puts a rebuilt generation into force. Entries up to the cut are in it already: they are
-- acknowledged here, so that whoever still holds them applies nothing.
-- KEYS: stream, generation, paused, version.  ARGV: group, new generation, cut, token of the pause
if redis.call('GET', KEYS[3]) ~= ARGV[4] then return 0 end
while true do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', ARGV[3], 1000)
  if #pending == 0 then break end
  local ids = {}
  for i = 1, #pending do ids[i] = pending[i][1] end
  redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
end
local groups = redis.call('XINFO', 'GROUPS', KEYS[1])
for _, group in ipairs(groups) do
  local info = {}
  for i = 1, #group, 2 do info[group[i]] = group[i + 1] end
  if info['name'] == ARGV[1] then
    local last_ms, last_seq = string.match(info['last-delivered-id'], '(%d+)-(%d+)')
    local cut_ms, cut_seq = string.match(ARGV[3], '(%d+)-(%d+)')
    last_ms, last_seq = tonumber(last_ms), tonumber(last_seq)
    cut_ms, cut_seq = tonumber(cut_ms), tonumber(cut_seq)
    -- Only forwards: what was delivered beyond the cut is pending and comes by itself.
    if last_ms < cut_ms or (last_ms == cut_ms and last_seq < cut_seq) then
      redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[3])
    end
  end
end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[3])
redis.call('INCR', KEYS[4])
return 1
