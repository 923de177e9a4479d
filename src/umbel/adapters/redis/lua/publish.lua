-- Stores messages for a producer, all of them or none.
-- KEYS: prefix. ARGV: sep, now, producer, sequence, steps (count, each), limits (count, queue, most, coming each),
-- groups (count, each as `add` has it).
-- Returns: {} or {queue, waiting, most, coming} of the first limit that is exceeded.
-- Invariant: a sequence number of a producer is stored once, however often it is sent.
-- include: common
-- include: adding
local sep, now, producer, sequence = ARGV[1], ARGV[2], U .. 'producer:' .. ARGV[3], tonumber(ARGV[4])
local last = redis.call('GET', producer)
if last and tonumber(last) >= sequence then
  redis.call('EXPIRE', producer, 3600)  -- a write: whoever waits for replicas now waits for all that came before it
  return {}
end
redis.call('SET', producer, last or 0, 'EX', 3600)  -- first: a server at its `maxmemory` refuses it, and with it the call
local at, steps = 6, {}
for _ = 1, tonumber(ARGV[5]) do
  steps[#steps + 1] = ARGV[at]
  at = at + 1
end
local limits = tonumber(ARGV[at])
at = at + 1
for _ = 1, limits do
  local queue, most, coming = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local waiting = 0
  while promote(queue, now, sep) > 0 do end
  for _, step in ipairs(steps) do
    local list = list_of(queue, step, sep)
    waiting = waiting + redis.call('LLEN', list) + redis.call('ZCARD', U .. 'first:' .. list)
  end
  if waiting + coming > most then return {queue, waiting, most, coming} end
  at = at + 3
end
add(at + 1, tonumber(ARGV[at]), sep)
redis.call('SET', producer, sequence, 'EX', 3600)
return {}
