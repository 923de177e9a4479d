-- Says something to every worker, or answers a ticket.
-- KEYS: prefix. ARGV: ticket or '', expires, payload, seconds to live.
-- Invariant: numbers of broadcasts only rise.
local U = KEYS[1] .. 'umbel:'
redis.call('DEL', U .. 'nothing')  -- a removal first: whoever looks why a server is full needs the workers' answers
if ARGV[1] == '' then
  local number = redis.call('INCR', U .. 'number')
  redis.call('ZADD', U .. 'broadcasts', number, string.format('%.0f', number) .. '|' .. ARGV[2] .. '|' .. ARGV[3])
  redis.call('ZADD', U .. 'broadcasts:expiry', ARGV[2], number)
else
  redis.call('RPUSH', U .. 'reply:' .. ARGV[1], ARGV[2] .. '|' .. ARGV[3])
  redis.call('EXPIRE', U .. 'reply:' .. ARGV[1], ARGV[4])
  redis.call('ZADD', U .. 'tickets', ARGV[2], ARGV[1])
end
return 1
