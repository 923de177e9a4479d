-- Takes or renews the lead of a schedule. KEYS: prefix. ARGV: scope, nonce, node, entries, term and renewals of the lease
-- that stood still ('' for none), most moments of the history, the moment of a new leader.
-- Returns: {term, renewals, leader, node, entries} as they are now.
-- Invariant: the term grows with every change of the leader, and a lease goes to another one only when it is free or has
-- still the term and the renewals that were seen.
-- include: common
-- include: moments
local lease = U .. 'schedule:' .. ARGV[1]
local held = redis.call('HMGET', lease, 'term', 'renewals', 'leader')
local again = held[3] == ARGV[2]
if again or not held[3] or held[3] == '0' or (held[1] == ARGV[5] and held[2] == ARGV[6]) then
  relieve()
  redis.call('HINCRBY', lease, 'renewals', 1)
  redis.call('HSET', lease, 'leader', ARGV[2], 'node', ARGV[3], 'entries', ARGV[4])
  if not again then
    keep(ARGV[1], '', redis.call('HINCRBY', lease, 'term', 1), ARGV[3], ARGV[8], ARGV[7])
  end
end
return redis.call('HMGET', lease, 'term', 'renewals', 'leader', 'node', 'entries')
