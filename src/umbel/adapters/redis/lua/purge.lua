-- Removes all ready and delayed messages of a queue. KEYS: prefix. ARGV: sep, queue, steps. Returns: how many.
-- Invariant: what is leased or dead stays.
-- include: common
relieve()
local sep, queue, removed = ARGV[1], ARGV[2], 0
for at = 3, #ARGV do
  local list = list_of(queue, ARGV[at], sep)
  removed = removed + redis.call('LLEN', list) + redis.call('ZCARD', U .. 'first:' .. list)
  redis.call('UNLINK', list, U .. 'first:' .. list)
  redis.call('SREM', U .. 'firsts', list)
end
removed = removed + redis.call('ZCARD', U .. 'delayed:' .. queue)
redis.call('UNLINK', U .. 'delayed:' .. queue)
redis.call('SREM', U .. 'delays', queue)
return removed
