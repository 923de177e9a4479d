-- Sizes of queues. KEYS: prefix. ARGV: sep, now, steps (count, each), names of queues beside those that are known here.
-- Returns: for each queue that has a message: {name, ready, delayed, leased, dead, what is next in its lists}.
-- Invariant: nothing but what has fallen due is moved.
-- include: common
relieve()
local sep, now = ARGV[1], ARGV[2]
local steps, names, seen, leased, dead = {}, {}, {}, {}, {}
for at = 4, 3 + ARGV[3] do steps[#steps + 1] = ARGV[at] end
for at = 4 + ARGV[3], #ARGV do seen[ARGV[at]] = true end
for _, queue in ipairs(redis.call('SMEMBERS', U .. 'queues')) do seen[queue] = true end
for _, nonce in ipairs(redis.call('HKEYS', U .. 'owners')) do
  local claims = redis.call('HGETALL', U .. 'claims:' .. nonce)
  for at = 1, #claims, 2 do
    local name, queue = string.match(claims[at + 1], '^%d+|(%w*)|(.*)$')
    leased[queue] = (leased[queue] or 0) + redis.call('HLEN', U .. 'lease:' .. nonce .. ':' .. claims[at])
    name = string.match(name, '^(%x+)x')
    if name then leased[queue] = leased[queue] + redis.call('LLEN', U .. 'batch:' .. nonce .. ':' .. name) end
    seen[queue] = true
  end
end
for _, queue in ipairs(redis.call('HVALS', U .. 'dead:queue')) do
  dead[queue] = (dead[queue] or 0) + 1
  seen[queue] = true
end
for queue in pairs(seen) do
  while promote(queue, now, sep) > 0 do end
  local ready, tails = 0, {}
  for _, step in ipairs(steps) do
    local list = list_of(queue, step, sep)
    if redis.call('TYPE', list).ok == 'list' then
      ready = ready + redis.call('LLEN', list)
      tails[#tails + 1] = redis.call('LINDEX', list, -1)
    end
    local first = redis.call('ZRANGE', U .. 'first:' .. list, 0, 0)[1]
    if first then tails[#tails + 1] = string.match(first, '^%d+|(.*)$') end
    ready = ready + redis.call('ZCARD', U .. 'first:' .. list)
  end
  local delayed = redis.call('ZCARD', U .. 'delayed:' .. queue)
  if ready + delayed + (leased[queue] or 0) + (dead[queue] or 0) > 0 then
    names[#names + 1] = {queue, ready, delayed, leased[queue] or 0, dead[queue] or 0, tails}
  end
end
return names
