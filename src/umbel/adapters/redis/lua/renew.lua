-- Prolongs the leases of owners that live. KEYS: prefix. ARGV: milliseconds of a lease, nonces.
-- Invariant: an owner that was declared dead stays dead.
local U, now = KEYS[1] .. 'umbel:', redis.call('TIME')
redis.call('DEL', U .. 'nothing')  -- a removal first: a full server renews as well
local until_ = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[1]
for at = 2, #ARGV do redis.call('ZADD', U .. 'alive', 'XX', 'GT', until_, ARGV[at]) end
return #ARGV - 1
