-- New messages, and with them what is said of joins (joins.py). Included behind common, never run by itself.
-- Keys of a join are Celery's: <stem>.s .t .j .d .c; a Celery process may write any of them between two scripts.
-- Invariant: what follows a join is sent in the step that notes its last member, and that step leaves 'done'; while it
-- stands nothing is noted. A member is noted once. Whoever finds the claim of a Celery process leaves the sending to it.
-- What only joins need stands within `note_member`, so that a script without members does not make it.
local letters  -- what went into an outbox: reference, message each; nil for nothing

-- Into an outbox, out of which others may take it from then on.
local function post(outbox, due, item)
  local ref = string.format('%.0f', redis.call('INCR', U .. 'counter'))
  redis.call('ZADD', U .. 'outbox:' .. outbox, due, ref)
  redis.call('HSET', U .. 'letters', ref, item)
  letters = letters or {}
  letters[#letters + 1] = ref
  letters[#letters + 1] = item
end

-- ARGV[at]: stem, 'M', unix milliseconds until which it is remembered (0: for ever), size or 0, how many words; then
-- place, id:place, what it says, whether Celery orders them, queue of the member, two messages: then, otherwise, and
-- the ids that it adds.
local function note_member(at, sep)
  local DONE = 300000  -- milliseconds for which Celery keeps 'done'
  local SAID = '^%[%s*1,%s*(".-"),%s*"([%u_]+)",%s*(.*)%]$'
  local UNREADABLE = '["unknown",{"exc_type":"ChordError","exc_message":["the result of a member is not JSON: ' ..
    'let all workers have result_serializer json"],"exc_module":"celery.exceptions"}]'

  -- What a Celery client saved when members of the chord are groups: the values in the places of its tree of
  -- [[id, parent], members or null], between commas; nil when a value has no place there, or a place no value.
  local function nested(saved, named, count)
    local function placed(node)
      if type(node[2]) ~= 'table' then
        count = count - 1
        return named[cjson.encode(node[1][1])]
      end
      local found = {}
      for number, each in ipairs(node[2]) do found[number] = placed(each) end
      return '[' .. table.concat(found, ',', 1, #node[2]) .. ']'
    end
    local fine, whole = pcall(function() return string.sub(placed(cjson.decode(saved).result), 2, -2) end)
    return fine and count == 0 and whole or nil
  end

  -- One word with what all have said between commas, or as the second what the first that failed said.
  local function gathered(all, saved)
    local values, named = {}, {}
    for number, each in ipairs(all) do
      local id, state, value = string.match(each, SAID)
      if not id then return nil, UNREADABLE end
      if state == 'FAILURE' or state == 'REVOKED' then return nil, '[' .. id .. ',' .. value .. ']' end
      values[number], named[id] = value, value
    end
    return saved and nested(saved, named, #all) or table.concat(values, ','), nil
  end

  -- A message from ARGV[at]: whether it is umbel's own, queue, step, whether it has a hole, before it, behind it.
  -- One for an outbox has 'L' as its step, the outbox as its queue, and first when others may take it; its text is plain.
  local function send_filled(at, filling, home, sep)
    local queue, step, item = ARGV[at + 1], ARGV[at + 2], ARGV[at + 4]
    if step == 'L' then
      if ARGV[at + 3] == '1' then item = item .. filling .. ARGV[at + 5] end
      post(queue, ARGV[at], item)
      return
    end
    if ARGV[at + 3] == '1' then item = item .. string.sub(cjson.encode(filling), 2, -2) .. ARGV[at + 5] end
    if ARGV[at] == '1' then
      local last = redis.call('ZSCORE', U .. 'served', queue)
      if not last or tonumber(last) < served_at - 60000 then queue = home end
      local entry = {pos = redis.call('INCR', U .. 'counter'), item = item, facts = {}}
      redis.call('SADD', U .. 'queues', queue)
      set_first(list_of(queue, step, sep), entry)
    else
      redis.call('SADD', U .. 'queues', queue)
      redis.call('LPUSH', list_of(queue, step, sep), item)
    end
  end

  local stem, expires, size = ARGV[at], ARGV[at + 2], tonumber(ARGV[at + 3])
  local members, names = stem .. '.j', stem .. '.d'
  local claim = redis.call('GET', stem .. '.c')
  if claim == 'done' then return end
  local kind = redis.call('TYPE', members).ok
  local ordered = kind == 'zset' or kind == 'none' and ARGV[at + 8] == '1'
  if redis.call('SADD', names, ARGV[at + 6]) == 1 then
    if ordered then
      redis.call('ZADD', members, ARGV[at + 5], ARGV[at + 7])
    else
      redis.call('RPUSH', members, ARGV[at + 7])
    end
  end
  for index = at + 22, at + 4 + tonumber(ARGV[at + 4]) do
    if redis.call('SADD', names, '+' .. ARGV[index]) == 1 then redis.call('INCR', stem .. '.t') end
  end
  local told = tonumber(redis.call('GET', stem .. '.s') or 0)
  if told == 0 and size > 0 and kind == 'none' then  -- later its absence says that a Celery process closed the join
    told = size
    redis.call('SET', stem .. '.s', size)
  end
  local most = told + tonumber(redis.call('GET', stem .. '.t') or 0)
  if claim or told == 0 or redis.call(ordered and 'ZCARD' or 'LLEN', members) < most then
    if expires ~= '0' then
      for _, each in ipairs({'.j', '.d', '.s', '.t'}) do redis.call('PEXPIREAT', stem .. each, expires) end
    end
    return
  end
  served_at = served_at or milliseconds()
  local values, lost = gathered(redis.call(ordered and 'ZRANGE' or 'LRANGE', members, 0, -1), redis.call('GET', stem))
  send_filled(at + (lost and 16 or 10), lost or values, ARGV[at + 9], sep)
  redis.call('DEL', members, names, stem .. '.s', stem .. '.t')
  redis.call('SET', stem .. '.c', 'done')
  if expires ~= '0' then redis.call('PEXPIREAT', stem .. '.c', math.max(tonumber(expires), served_at + DONE)) end
end

-- Groups of parcels from ARGV[at]: queue, step, due or '', whether Celery could hold it, how many, their items. A join
-- that begins has 'J' as its step: stem, unix milliseconds until which it is remembered, size. What goes to whoever
-- listens has 'F': the channel.
local function add(at, groups, sep)
  for _ = 1, groups do
    local queue, step, due, foreign, count = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
    if step == 'M' then
      note_member(at, sep)
    elseif step == 'F' then
      for index = at + 5, at + 4 + count do redis.call('PUBLISH', queue, ARGV[index]) end
    elseif step == 'J' then
      redis.call('DEL', queue .. '.c')
      redis.call('SET', queue .. '.s', foreign)
      if due ~= '0' then redis.call('PEXPIREAT', queue .. '.s', due) end
    else
      redis.call('SADD', U .. 'queues', queue)
      if due ~= '' and foreign == '1' then
        served_at = served_at or milliseconds()
        local last = redis.call('ZSCORE', U .. 'served', queue)
        if not last or tonumber(last) < served_at - 60000 then due = '' end
      end
      if due == '' then
        for first = at + 5, at + 4 + count, 1000 do
          redis.call('LPUSH', list_of(queue, step, sep), unpack(ARGV, first, math.min(first + 999, at + 4 + count)))
        end
      else
        for index = at + 5, at + 4 + count do
          redis.call('ZADD', U .. 'delayed:' .. queue, due, step .. '|0|' .. ARGV[index])
        end
        redis.call('SADD', U .. 'delays', queue)
      end
    end
    at = at + 5 + count
  end
  return at
end
