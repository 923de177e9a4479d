-- An owner lives from now on. KEYS: prefix. ARGV: nonce, what it says about itself, milliseconds of its lease.
-- Invariant: only a new owner is enlisted; `renew` never brings a dead one back.
local U, now = KEYS[1] .. 'umbel:', redis.call('TIME')
redis.call('DEL', U .. 'nothing')  -- a removal first: at its `maxmemory` a server must get workers, or it stays full
redis.call('HSET', U .. 'owners', ARGV[1], ARGV[2])
redis.call('SET', U .. 'roll', now[1] .. string.format('%06d', now[2]))
return redis.call('ZADD', U .. 'alive', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[3], ARGV[1])
