-- What is known of messages that run once. KEYS: prefix. ARGV: the owner whose claims alone count as held (0: anybody's),
-- milliseconds for which one who is silent may still live, names.
-- Returns: for each "" (nothing), "held", "loose", "ended" or "passed".
-- Invariant: nothing is given to anybody.
-- include: common
-- include: claimed
relieve()
local found, now = {}, milliseconds()
for at = 3, #ARGV do
  local state = redis.call('GET', U .. 'claim:' .. ARGV[at]) or ''
  local holder = string.match(state, '^(%d+)|')
  if holder then
    local his = ARGV[1] == '0' or ARGV[1] == holder
    state = his and not is_dead(holder, ARGV[2], now) and 'held' or 'loose'
  end
  found[#found + 1] = state
end
return found
