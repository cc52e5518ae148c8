-- uses groups
-- Moves a group from where the caller found it to the last entry that the caller finished.
-- Answers 1, or 0 when the group stands elsewhere: somebody else has moved it meanwhile.
-- KEYS: stream.  ARGV: group, from, to, number of entries in between
local at, read = standing(KEYS[1], ARGV[1])
if at ~= ARGV[2] then return 0 end
move(KEYS[1], ARGV[1], ARGV[3], read + tonumber(ARGV[4]))
return 1
