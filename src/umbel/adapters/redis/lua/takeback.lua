-- What becomes of the work of an owner that is over: `over(nonce, change)`. Included, never run by itself.
-- Invariant: every message of the owner goes back to its list, or before it, and its leases are gone with it.
local function over(nonce, change)
  redis.call('HDEL', U .. 'owners', nonce)
  redis.call('ZREM', U .. 'alive', nonce)
  local moment = redis.call('TIME')
  redis.call('SET', U .. 'roll', moment[1] .. string.format('%06d', moment[2]))
  local claims = redis.call('HGETALL', U .. 'claims:' .. nonce)
  local returned, count = {}, 0
  for at = 1, #claims, 2 do
    local lease = U .. 'lease:' .. nonce .. ':' .. claims[at]
    local step, queue = string.match(unfold(nonce, claims[at], claims[at + 1]), '^(%d+)|%w*|(.*)$')
    local list = list_of(queue, step, sep)
    returned[list] = returned[list] or {}
    local held = redis.call('HGETALL', lease)
    for index = 1, #held, 2 do
      local pos, from = string.match(held[index + 1], '^(%d+)|()')
      local entry = {pos = tonumber(pos), item = string.sub(held[index + 1], from)}
      entry.facts = change(held[index], read_facts(ref_of(entry.item)))
      if entry.facts then write_facts(ref_of(entry.item), entry.facts) end
      redis.call('HDEL', U .. 'held', held[index])
      table.insert(returned[list], entry)
      count = count + 1
    end
    redis.call('DEL', lease)
  end
  redis.call('DEL', U .. 'claims:' .. nonce)
  for list, entries in pairs(returned) do give_back(list, entries) end
  return count
end
