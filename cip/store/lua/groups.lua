-- Where consumer groups stand. Put before each script whose first line says that it uses groups.
-- A group's place is the id of the last entry that it has finished; nothing is ever pending.
local function standing(stream, group)
  for _, found in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local info = {}
    for i = 1, #found, 2 do info[found[i]] = found[i + 1] end
    if info['name'] == group then
      return info['last-delivered-id'], info['entries-read'] or 0
    end
  end
  return nil, 0
end

local function move(stream, group, to, read)
  redis.call('XGROUP', 'SETID', stream, group, to, 'ENTRIESREAD', string.format('%.0f', read))
end
