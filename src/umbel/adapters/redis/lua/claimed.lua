-- What the scripts of claims share: which owners live. Included, never run by itself.
-- Invariant: an owner whose lease is over is dead only when he has been seen silent before, and long enough ago: a server
-- that was away forgets all leases at once, and those who live speak first.
local function is_dead(owner, patience, now)
  if redis.call('EXISTS', U .. 'claimant:' .. owner) == 1 then return false end
  redis.call('SET', U .. 'doubt:' .. owner, string.format('%.0f', now), 'NX', 'PX', 60000)
  return now - redis.call('GET', U .. 'doubt:' .. owner) >= tonumber(patience)
end
