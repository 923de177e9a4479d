-- A message that came by a channel goes into queues, by whichever of the listeners is first.
-- KEYS: prefix. ARGV: sep, seconds for which that is remembered, step, item, queues.
-- Returns: in how many it was stored now.
-- Invariant: one message is in each of the queues once, however many heard it.
-- include: common
local stored = 0
for at = 5, #ARGV do
  local mark = U .. 'heard:' .. ref_of(ARGV[4]) .. ':' .. ARGV[at]
  if redis.call('SET', mark, 1, 'NX', 'EX', ARGV[2]) then
    redis.call('SADD', U .. 'queues', ARGV[at])
    redis.call('LPUSH', list_of(ARGV[at], ARGV[3], ARGV[1]), ARGV[4])
    stored = stored + 1
  end
end
return stored
