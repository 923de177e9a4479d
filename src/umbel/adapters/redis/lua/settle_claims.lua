-- Says what became of claims. KEYS: prefix. ARGV: owner, milliseconds for which an end is remembered, then name, token
-- and end of each: "ended", "passed", "loose", or "gone", of which nothing is remembered.
-- Returns: how many of them were this owner's.
-- Invariant: a claim of another owner, or of another delivery, stays as it is.
-- include: common
relieve()
local count = 0
for at = 3, #ARGV, 3 do
  local key, mine = U .. 'claim:' .. ARGV[at], ARGV[1] .. '|' .. ARGV[at + 1]
  if redis.call('GET', key) == mine then
    count = count + 1
    if ARGV[at + 2] == 'gone' then
      redis.call('DEL', key)
    else
      redis.call('SET', key, ARGV[at + 2], 'PX', ARGV[2])
    end
  end
end
return count
