-- The history of a schedule: a list of an entry's moments, newest first, numbered over all entries. Included.
-- Invariant: an entry keeps its newest moments, and numbers only grow.
local function keep(scope, entry, term, node, said, most)
  local line = U .. 'moments:' .. scope .. '|' .. entry
  local number = redis.call('HINCRBY', U .. 'schedule:' .. scope, 'moments', 1)
  redis.call('LPUSH', line, cjson.encode({number, term, node, said}))
  redis.call('LTRIM', line, 0, most - 1)
end
