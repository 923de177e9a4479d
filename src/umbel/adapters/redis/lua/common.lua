-- What every script of the broker shares: names of keys, references, facts, delayed messages that fall due.
-- KEYS[1] is what stands before each key (`global_keyprefix`). Included, never run by itself.
-- Invariant: scripts that call `relieve` first are let through by a server at its `maxmemory`; all but new work are.
local P = KEYS[1]
local U = P .. 'umbel:'
local SUSPECT = 2251799813685248  -- scores below it are suspects, those above are judged; 2^51
local known = redis.call('EXISTS', U .. 'facts') == 1
local served_at

-- A script whose first write is a removal may write whatever it likes behind it.
local function relieve()
  redis.call('DEL', U .. 'nothing')
end

local function milliseconds()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function list_of(queue, step, sep)
  if step == '0' then return P .. queue end
  return P .. queue .. sep .. step
end

-- Fifteen hexadecimal digits that name a message: the end of its delivery tag, or of its SHA1 when it has none.
local function ref_of(item)
  if string.sub(item, -3) == '"}}' and string.find(item, '"delivery_tag"', -58, true) then
    local ref = string.sub(item, -19, -17) .. string.sub(item, -15, -4)
    if string.find(ref, '^[0-9a-f]+$') then return ref end
  end
  return string.sub(redis.sha1hex(item), -15)
end

local function read_facts(ref)
  if not known then return nil end
  local packed = redis.call('HGET', U .. 'facts', ref)
  return packed and cmsgpack.unpack(packed) or nil
end

-- Facts about a message that lives: d deaths, a alone, v verdict, r redelivered, k parked since, p position.
local function write_facts(ref, facts)
  served_at = served_at or milliseconds()
  facts.t = served_at
  redis.call('HSET', U .. 'facts', ref, cmsgpack.pack(facts))
  known = true
end

local function drop_facts(ref)
  if known then redis.call('HDEL', U .. 'facts', ref) end
end

local function push(command, list, items)
  for first = 1, #items, 1000 do
    redis.call(command, list, unpack(items, first, math.min(first + 999, #items)))
  end
end

-- To the line of those that go before the others of their level.
local function set_first(list, entry)
  local score = entry.facts.a and entry.pos or entry.pos + SUSPECT
  redis.call('ZADD', U .. 'first:' .. list, score, string.format('%.0f', entry.pos) .. '|' .. entry.item)
  redis.call('SADD', U .. 'firsts', list)
end

-- Whether only umbel can run it (envelope.py, `parted`): it stays out of Celery's lists.
local function is_own(item)
  return string.find(item, '"own":true,"body_encoding":null', -100, true) ~= nil
end

-- Messages of one list return to their own places: {pos, item, ref, facts or nil} each. Given back ones that are older
-- and stand where the next is taken step aside first.
local function give_back(list, entries)
  local back, aside = {}, {}
  for _, entry in ipairs(entries) do
    if entry.facts and (entry.facts.a or entry.facts.v) then
      set_first(list, entry)
    elseif is_own(entry.item) then
      set_first(list, {pos = entry.pos, item = entry.item, facts = {}})
    else
      back[#back + 1] = entry
    end
  end
  if #back == 0 then return end
  local youngest = 0
  for _, entry in ipairs(back) do youngest = math.max(youngest, entry.pos) end
  while known and #aside < 1000 do
    local last = redis.call('LINDEX', list, -1)
    local facts = last and read_facts(ref_of(last))
    if not (facts and facts.p and facts.p < youngest) then break end
    redis.call('RPOP', list)
    aside[#aside + 1] = {pos = facts.p, item = last}
  end
  for _, entry in ipairs(back) do
    local facts = entry.facts or {}
    facts.p = entry.pos
    write_facts(ref_of(entry.item), facts)
  end
  for _, entry in ipairs(aside) do back[#back + 1] = entry end
  table.sort(back, function(one, other) return one.pos > other.pos end)
  local items = {}
  for at, entry in ipairs(back) do items[at] = entry.item end
  push('RPUSH', list, items)
end

-- A batch becomes the hash in which each of its messages has its own field. Takes and returns the entry of the claim.
local function unfold(nonce, claim, entry)
  local step, name, total, queue = string.match(entry, '^(%d+)|(%x+)x(%d+)|(.*)$')
  if not total then return entry end
  local batch = U .. 'batch:' .. nonce .. ':' .. name
  local items, fields, seen = redis.call('LRANGE', batch, 0, -1), {}, {}
  local first = claim + total - #items
  for at, item in ipairs(items) do
    local ref = ref_of(item)
    local value = string.format('%.0f', first + at - 1) .. '|' .. item
    if seen[ref] then ref = string.sub(redis.sha1hex(value), -15) end
    seen[ref] = true
    fields[#fields + 1] = ref
    fields[#fields + 1] = value
  end
  push('HSET', U .. 'lease:' .. nonce .. ':' .. claim, fields)
  redis.call('DEL', batch)
  entry = step .. '|' .. name .. '|' .. queue
  redis.call('HSET', U .. 'claims:' .. nonce, claim, entry)
  return entry
end

-- Out of the dead letters; false when it is none.
local function exhume(ref)
  redis.call('HDEL', U .. 'dead:letter', ref)
  redis.call('HDEL', U .. 'dead:item', ref)
  redis.call('HDEL', U .. 'dead:queue', ref)
  return redis.call('ZREM', U .. 'dead', ref) == 1
end

local function split(member)  -- of a delayed set: step|position|item
  local step, pos, rest = string.match(member, '^(%d+)|(%d+)|()')
  return step, tonumber(pos), string.sub(member, rest)
end

-- What has fallen due goes to the end of its list; a bounded number, the next call brings the others.
local function promote(queue, now, sep)
  local key = U .. 'delayed:' .. queue
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 3000)
  if #due == 0 then return 0 end
  redis.call('ZREMRANGEBYRANK', key, 0, #due - 1)
  local lists = {}
  for _, member in ipairs(due) do
    local step, pos, item = split(member)
    local list = list_of(queue, step, sep)
    local facts = pos > 0 and read_facts(ref_of(item)) or nil
    if facts and (facts.a or facts.v) then
      set_first(list, {pos = pos, item = item, facts = facts})
    elseif is_own(item) then
      set_first(list, {pos = pos, item = item, facts = {}})
    else
      lists[list] = lists[list] or {}
      table.insert(lists[list], item)
    end
  end
  for list, items in pairs(lists) do push('LPUSH', list, items) end
  if redis.call('EXISTS', key) == 0 then redis.call('SREM', U .. 'delays', queue) end
  return #due
end
