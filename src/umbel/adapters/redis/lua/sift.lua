-- The messages of one page of a list or a sorted set that name one of some task ids.
-- KEYS: prefix. ARGV: key without it, "list" or "set", first, last, ids as they may stand in JSON.
-- Returns: {size of the page, found}.
-- Invariant: it reads only, and its pages bound how long the server is busy.
local names, found = {}, {}
for at = 5, #ARGV do names[ARGV[at]] = true end
local command = ARGV[2] == 'list' and 'LRANGE' or 'ZRANGE'
local page = redis.call(command, KEYS[1] .. ARGV[1], ARGV[3], ARGV[4])
for _, member in ipairs(page) do
  for id in string.gmatch(member, '"id": ?"([^"]*)"') do
    if names[id] then
      found[#found + 1] = member
      break
    end
  end
end
return {#page, found}
