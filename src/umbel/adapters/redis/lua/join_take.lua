-- Takes letters over that nobody has sent.
-- KEYS: prefix. ARGV: name of the outbox, now, when they are due again, most letters.
-- Returns: reference, message of each, the oldest first.
-- Invariant: a letter stays where it is; for as long as it is not due only one has taken it.
-- include: common
relieve()
local line, found = U .. 'outbox:' .. ARGV[1], {}
for _, ref in ipairs(redis.call('ZRANGEBYSCORE', line, '-inf', ARGV[2], 'LIMIT', 0, ARGV[4])) do
  local item = redis.call('HGET', U .. 'letters', ref)
  if item then
    redis.call('ZADD', line, ARGV[3], ref)
    found[#found + 1] = ref
    found[#found + 1] = item
  else
    redis.call('ZREM', line, ref)
  end
end
return found
