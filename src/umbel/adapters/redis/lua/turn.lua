-- Settles what an owner has finished, then claims what is next for it.
-- KEYS: prefix. ARGV: sep, nonce, now, name of this turn, lost turns (count, each), what stands before the id in the key
-- of a result and of the note beside it, fronts (count, each: kind, claim, place of its first message, how many, what
-- each leaves), outcomes (count, each: kind, claim, ref, own words, record, groups), then what is wanted: limit (0:
-- nothing), bytes, steps (count, each), queues (count, each).
--   fronts are done, in the order of their claim: S with SUCCESS: unix milliseconds of the results' end (0: none), then
--     id (or '') and document each; F any: record, groups each
--   kinds and their own words: D done, R release, H hold: none; P park: due; B bury: reason, detail
--   record: '' or key, key beside it, document, state, unix milliseconds of its end (0: none), note (result_state.lua)
-- Returns: {refused, revision, next due, fenced numbers, claim, queue, items, strange, size of the batch, again, waiting}
--   strange: number, ref, facts each; again: number of a front and how many of it are done, the others are to be told one
--   by one; waiting: numbers of outcomes that changed nothing, because what is stored has to be read first (`unread`)
-- Invariant: a message is removed from its lease and put where its outcome says, or its outcome changes nothing; a
-- claimed message is moved from its list to the lease, and at no moment it is in neither.
-- A lease is a batch, the list of what was claimed, as long as it is settled from its front and nothing has to be known
-- about a single message; then it is a hash (`unfold`). The items of a batch are not looked at: turning each into a
-- string of Lua costs more than everything else. The caller reads them from the list.
-- include: common
-- include: adding
-- include: result_state
relieve()
local sep, nonce, now = ARGV[1], ARGV[2], ARGV[3]
local lease = U .. 'lease:' .. nonce .. ':'
local claims = U .. 'claims:' .. nonce
local refused = redis.call('HEXISTS', U .. 'owners', nonce) == 0
local holds = redis.call('EXISTS', U .. 'held') == 1
local fenced, touched, returned, retold, waiting = {}, {}, {}, {}, {}
local at = 6 + ARGV[5]

local function entry_of(claim)
  touched[claim] = touched[claim] or redis.call('HGET', claims, claim) or '0||'
  return touched[claim]
end

local function single(claim)
  touched[claim] = unfold(nonce, claim, entry_of(claim))
end

local function home(claim)
  local step, queue = string.match(entry_of(claim), '^(%d+)|%w*|(.*)$')
  return queue, step
end

local function leave(claim, ref)
  if holds then redis.call('HDEL', U .. 'held', ref) end
  return redis.call('HDEL', lease .. claim, ref) == 1
end

local function bury(claim, ref, value, reason, detail)
  local pos, from = string.match(value, '^(%d+)|()')
  local item = string.sub(value, from)
  local queue, step = home(claim)
  local facts = read_facts(ref_of(item)) or {}
  drop_facts(ref_of(item))
  redis.call('ZADD', U .. 'dead', now, ref)
  redis.call('HSET', U .. 'dead:queue', ref, queue)
  redis.call('HSET', U .. 'dead:letter', ref,
    cmsgpack.pack({q = queue, s = step, p = tonumber(pos), r = reason, x = detail, d = facts.d or 0, t = now}))
  redis.call('HSET', U .. 'dead:item', ref, item)
end

local function settle(kind, claim, ref, word, detail)
  single(claim)
  if kind == 'D' then
    if not leave(claim, ref) then return false end
    drop_facts(ref)
    return true
  end
  local value = redis.call('HGET', lease .. claim, ref)
  if not value then return false end
  if kind == 'H' then
    redis.call('HSET', U .. 'held', ref, '1')
    holds = true
    return true
  end
  leave(claim, ref)
  if kind == 'B' then
    bury(claim, ref, value, word, detail)
    return true
  end
  local pos, from = string.match(value, '^(%d+)|()')
  local item = string.sub(value, from)
  local queue, step = home(claim)
  local facts = read_facts(ref_of(item))
  if kind == 'P' then
    facts = facts or {}
    facts.k = facts.k or now
    write_facts(ref_of(item), facts)
    redis.call('ZADD', U .. 'delayed:' .. queue, word, step .. '|' .. pos .. '|' .. item)
    redis.call('SADD', U .. 'delays', queue)
  else
    local list = list_of(queue, step, sep)
    returned[list] = returned[list] or {}
    table.insert(returned[list], {pos = tonumber(pos), item = item, facts = facts})
  end
  return true
end

-- The answers of lost turns never came, so nobody knows what they claimed. One may still arrive: it claims nothing.
local function undo(claim)
  single(claim)
  local queue, step = home(claim)
  local list = list_of(queue, step, sep)
  local held = redis.call('HGETALL', lease .. claim)
  returned[list] = returned[list] or {}
  for index = 1, #held, 2 do
    local pos, from = string.match(held[index + 1], '^(%d+)|()')
    local item = string.sub(held[index + 1], from)
    table.insert(returned[list], {pos = tonumber(pos), item = item, facts = read_facts(ref_of(item))})
  end
  redis.call('DEL', lease .. claim)
end

for lost = 6, at - 1 do
  redis.call('ZADD', U .. 'lost', now, ARGV[lost])
  redis.call('ZREMRANGEBYSCORE', U .. 'lost', '-inf', now - 3600)
  redis.call('EXPIRE', U .. 'lost', 3600)
  for _, claim in ipairs(redis.call('HKEYS', claims)) do
    if string.match(redis.call('HGET', claims, claim), '^%d+|(%x*)') == ARGV[lost] then undo(claim) end
  end
end

-- Whether the record at this place can be kept or left alone now (`unread`).
local function readable(place)
  return ARGV[place] == '' or not unread(ARGV[place], (state_of(ARGV[place], ARGV[place + 1])))
end

-- What a message leaves behind: a record and groups of parcels from ARGV[at].
local function leave_behind(held)
  if ARGV[at] == '' then
    at = at + 1
  else
    if held then keep(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]) end
    at = at + 6
  end
  local groups = tonumber(ARGV[at])
  at = at + 1
  if held then
    at = add(at, groups, sep)
  else
    for _ = 1, groups do at = at + 5 + tonumber(ARGV[at + 4]) end
  end
end

-- The batch of a claim whose next message is at this place; nil when there is none.
local function batch_at(claim, first)
  local name, total = string.match(entry_of(claim), '^%d+|(%x+)x(%d+)|')
  if refused or not total then return nil end
  local batch = U .. 'batch:' .. nonce .. ':' .. name
  return redis.call('LLEN', batch) == total - first and batch or nil
end

local result, aside, fronts = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
at = at + 3

-- Results of messages that ended in SUCCESS, whose documents say so at their head. Mostly nothing is stored yet. Returns
-- how many are kept; what is stored for the next one has to be read first.
local function succeed(expires, first, last)
  local call = redis.call  -- looked up once, not a thousand times
  for place = first, last, 2 do
    if ARGV[place] ~= '' then
      local key, document, new = result .. ARGV[place], ARGV[place + 1], nil
      if expires == '0' then
        new = call('SET', key, document, 'NX')
      else
        new = call('SET', key, document, 'NX', 'PXAT', expires)
      end
      if new then
        call('PUBLISH', key, document)
      elseif not keep(key, aside .. ARGV[place], document, 'SUCCESS', expires, '') then
        return (place - first) / 2
      end
    end
  end
  return (last - first + 1) / 2
end

for front = 1, fronts do
  local kind, claim, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 3])
  local held = batch_at(claim, ARGV[at + 2])
  local kept = 0
  at = at + 4
  if kind == 'F' then
    for number = 1, count do
      if held and kept == number - 1 and readable(at) then kept = number end
      leave_behind(kept == number)
    end
  else
    if held then kept = succeed(ARGV[at], at + 1, at + 2 * count) end
    at = at + 1 + 2 * count
  end
  if kept < count then retold[#retold + 1] = {front - 1, kept} end
  if kept > 0 then  -- last: an error on the way leaves them held
    redis.call('LTRIM', held, kept, -1)
    if redis.call('EXISTS', held) == 0 then redis.call('HDEL', claims, claim) end
  end
end

at = at + 1
for number = 1, tonumber(ARGV[at - 1]) do
  local kind, claim, ref = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local words = (kind == 'P' and 1) or (kind == 'B' and 2) or 0
  local ready = readable(at + 3 + words)
  local held = ready and not refused and settle(kind, claim, ref, ARGV[at + 3], ARGV[at + 4])
  at = at + 3 + words
  leave_behind(held)
  if not ready then
    waiting[#waiting + 1] = number - 1
  elseif not held then
    fenced[#fenced + 1] = number - 1
  end
end
for list, entries in pairs(returned) do give_back(list, entries) end
for claim, entry in pairs(touched) do
  local batch = string.find(entry, '^%d+|%x+x')
  if not batch and redis.call('EXISTS', lease .. claim) == 0 then redis.call('HDEL', claims, claim) end
end

local limit, bytes = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
local revision = redis.call('GET', U .. 'revision') or '0'
local reply = {refused and 1 or 0, revision, '0', fenced, 0, 0, {}, {}, 0, retold, waiting}
if limit == 0 then return reply end
at = at + 3
local steps = tonumber(ARGV[at - 1])
local queues = at + steps + 1
local last = queues + tonumber(ARGV[queues - 1]) - 1
local stamp = milliseconds()
local next_due
for index = queues, last do
  promote(ARGV[index], now, sep)
  local due = redis.call('ZRANGE', U .. 'delayed:' .. ARGV[index], 0, 0, 'WITHSCORES')[2]
  if due and (not next_due or tonumber(due) < tonumber(next_due)) then next_due = due end
  redis.call('ZADD', U .. 'served', stamp, ARGV[index])
end
reply[3] = next_due or '0'
if refused then return reply end

local firsts = redis.call('EXISTS', U .. 'firsts') == 1
local entries, size, folded = {}, 0, 0

local function from_first(list, count, ceiling)
  if not firsts then return end
  local key = U .. 'first:' .. list
  while count > #entries do
    local head = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if not head[1] or tonumber(head[2]) >= ceiling then break end
    redis.call('ZREM', key, head[1])
    local pos, from = string.match(head[1], '^(%d+)|()')
    entries[#entries + 1] = {pos = tonumber(pos), item = string.sub(head[1], from)}
  end
  if redis.call('EXISTS', key) == 0 then redis.call('SREM', U .. 'firsts', list) end
end

local function from_list(list)
  local largest, chunk = 0, 1
  while #entries < limit and size < bytes do
    local items = redis.call('RPOP', list, chunk)
    if not items then break end
    for _, item in ipairs(items) do
      entries[#entries + 1] = {item = item}
      size = size + #item
      largest = math.max(largest, #item)
    end
    if #items < chunk then break end
    chunk = math.max(1, math.min(500, limit - #entries, math.floor((bytes - size) / (largest + 1))))
  end
end

-- The oldest of a list become a batch. Only where nothing is known about any message, and all are small as far as two
-- of them tell. A server older than 7.0 would copy the whole list for it.
local function from_list_as_it_is(list)
  if known or #entries > 0 or limit < 2 or not redis.REDIS_VERSION_NUM then return end
  local count = math.min(limit, redis.call('LLEN', list))
  if count < 2 then return end
  local largest = math.max(#redis.call('LINDEX', list, -1), #redis.call('LINDEX', list, -count))
  count = math.min(count, math.floor(bytes / (largest + 1)))
  if count < 2 then return end
  local batch = U .. 'batch:' .. nonce .. ':' .. ARGV[4]
  local moved = redis.pcall('SORT', list, 'BY', 'nosort', 'DESC', 'LIMIT', 0, count, 'STORE', batch)
  local used = moved == count and redis.pcall('MEMORY', 'USAGE', batch, 'SAMPLES', 0)
  if type(used) == 'number' and used < 2 * bytes then
    redis.call('LTRIM', list, 0, -1 - count)
    folded = count
  else
    redis.call('DEL', batch)
  end
end

local function look()
  for s = at, at + steps - 1 do
    if firsts then
      for index = queues, last do
        from_first(list_of(ARGV[index], ARGV[s], sep), 1, SUSPECT)
        if #entries > 0 then return index, ARGV[s] end
      end
    end
    for index = queues, last do
      local list = list_of(ARGV[index], ARGV[s], sep)
      from_first(list, limit, SUSPECT * 4)
      from_list_as_it_is(list)
      if folded > 0 then return index, ARGV[s] end
      from_list(list)
      if #entries > 0 then return index, ARGV[s] end
    end
  end
end

if redis.call('EXISTS', U .. 'lost') == 1 and redis.call('ZSCORE', U .. 'lost', ARGV[4]) then return reply end
local index, step = look()
if not index then return reply end
local count = #entries + folded
local base = redis.call('INCRBY', U .. 'counter', count) - count + 1
local claim = string.format('%.0f', base)
reply[5], reply[6] = claim, index - queues
if folded > 0 then
  redis.call('HSET', claims, claim, step .. '|' .. ARGV[4] .. 'x' .. folded .. '|' .. ARGV[index])
  reply[9] = folded
  return reply
end
local items, strange, held = {}, {}, {}
for number, entry in ipairs(entries) do
  local ref, packed = ref_of(entry.item), nil
  if known then
    packed = redis.call('HGET', U .. 'facts', ref)
    local facts = packed and cmsgpack.unpack(packed) or {}
    entry.pos = entry.pos or facts.p
    if packed and not (facts.d or facts.a or facts.v or facts.r or facts.k) then
      redis.call('HDEL', U .. 'facts', ref)
      packed = nil
    end
  end
  entry.pos = entry.pos or base + number - 1
  local value = string.format('%.0f', entry.pos) .. '|' .. entry.item
  if held[ref] then  -- the same bytes twice: a producer that gives its messages no tag of their own
    ref = string.sub(redis.sha1hex(value), -15)
    strange[#strange + 1] = {number - 1, ref, packed or ''}
  elseif packed then
    strange[#strange + 1] = {number - 1, ref, packed}
  end
  held[ref] = value
  items[number] = entry.item
end
local fields = {}
for ref, value in pairs(held) do
  fields[#fields + 1] = ref
  fields[#fields + 1] = value
end
push('HSET', lease .. claim, fields)
redis.call('HSET', claims, claim, step .. '|' .. ARGV[4] .. '|' .. ARGV[index])
reply[7], reply[8] = items, strange
return reply
