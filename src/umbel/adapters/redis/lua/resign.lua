-- Gives the lead of a schedule back. KEYS: prefix. ARGV: scope, nonce.
-- Returns: 1 when it was this one's.
-- Invariant: the term stays, so that the next leader has a higher one.
-- include: common
local lease = U .. 'schedule:' .. ARGV[1]
if redis.call('HGET', lease, 'leader') ~= ARGV[2] then return 0 end
relieve()
redis.call('HSET', lease, 'leader', '0')
return 1
