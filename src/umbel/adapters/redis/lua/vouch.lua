-- Says which owners of claims live and which have died. KEYS: prefix. ARGV: milliseconds of a lease, how many live, their
-- nonces, those of the dead.
-- Returns: how many live.
-- Invariant: of a dead owner nothing is doubted any more.
-- include: common
relieve()
local living = tonumber(ARGV[2])
for at = 3, #ARGV do
  if at - 2 <= living then
    redis.call('SET', U .. 'claimant:' .. ARGV[at], 1, 'PX', ARGV[1])
    redis.call('DEL', U .. 'doubt:' .. ARGV[at])
  else
    redis.call('DEL', U .. 'claimant:' .. ARGV[at])
    redis.call('SET', U .. 'doubt:' .. ARGV[at], 0, 'PX', 86400000)
  end
end
return living
