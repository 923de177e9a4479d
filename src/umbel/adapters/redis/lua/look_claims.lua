-- What is known of messages that run once. KEYS: prefix. ARGV: the owner who asks, whose claims alone count as held (0:
-- those of whoever lives do), milliseconds for which one who is silent may still live, names.
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
    local held
    if ARGV[1] == '0' then held = not is_dead(holder, ARGV[2], now) else held = holder == ARGV[1] end
    state = held and 'held' or 'loose'
  end
  found[#found + 1] = state
end
return found
