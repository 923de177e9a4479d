-- Takes messages out of umbel's own sorted sets and gives them to Celery's lists, or to the dead letters.
-- KEYS: prefix. ARGV: now, then each: kind, set without prefix, member, queue, step, list without prefix, item, reason.
--   kinds: delayed (to the end of its list), suspect (the next to be taken), judged (must not run: a dead letter)
-- Returns: the numbers, from 0, of those that were still there.
-- Invariant: a message leaves its set in the step that puts it elsewhere; one that has moved on is left alone.
-- include: common
relieve()
local now, moved = ARGV[1], {}
for at = 2, #ARGV, 8 do
  local kind, set, member, queue, step = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local list, item, reason = P .. ARGV[at + 5], ARGV[at + 6], ARGV[at + 7]
  if redis.call('ZREM', P .. set, member) == 1 then
    local ref = ref_of(item)
    if kind == 'judged' then
      local facts = read_facts(ref) or {}
      redis.call('ZADD', U .. 'dead', now, ref)
      redis.call('HSET', U .. 'dead:queue', ref, queue)
      redis.call('HSET', U .. 'dead:letter', ref, cmsgpack.pack(
        {q = queue, s = step, p = tonumber(string.match(member, '^%d+')), r = reason, x = '', d = facts.d or 0, t = now}))
      redis.call('HSET', U .. 'dead:item', ref, item)
    else
      redis.call(kind == 'delayed' and 'LPUSH' or 'RPUSH', list, item)
    end
    drop_facts(ref)
    if redis.call('EXISTS', P .. set) == 0 then
      if kind == 'delayed' then
        redis.call('SREM', U .. 'delays', queue)
      else
        redis.call('SREM', U .. 'firsts', list)
      end
    end
    moved[#moved + 1] = (at - 2) / 8
  end
end
return moved
