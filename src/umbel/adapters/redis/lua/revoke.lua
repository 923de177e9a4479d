-- Logs revocations and removes those messages that wait still.
-- KEYS: prefix. ARGV: revocations (count, each: packed, expires or ''), messages (count, each: id, list, delayed set,
-- member of it or '', item), records (count, each: id, then as in turn.lua). Returns: {revision,
-- removed ids}.
-- Invariant: a record is stored only for an id of which a message was removed in this very step.
-- include: common
-- include: result_state
relieve()
local revision, at, removed, ids = 0, 2, {}, {}
for _ = 1, tonumber(ARGV[1]) do
  revision = redis.call('INCR', U .. 'revision')
  redis.call('ZADD', U .. 'revocations', revision, string.format('%.0f', revision) .. '|' .. ARGV[at])
  if ARGV[at + 1] ~= '' then redis.call('ZADD', U .. 'revocations:expiry', ARGV[at + 1], revision) end
  at = at + 2
end
at = at + 1
for _ = 1, tonumber(ARGV[at - 1]) do
  local id, list, delayed, member, item = ARGV[at], P .. ARGV[at + 1], P .. ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local gone = redis.call('LREM', list, -1, item)
  if gone == 0 and member ~= '' then
    gone = redis.call('ZREM', delayed, member) + redis.call('ZREM', U .. 'first:' .. list, member)
  end
  if gone > 0 then
    drop_facts(ref_of(item))
    if not removed[id] then ids[#ids + 1] = id end
    removed[id] = true
  end
  at = at + 5
end
at = at + 1
for _ = 1, tonumber(ARGV[at - 1]) do
  if removed[ARGV[at]] then keep(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]) end
  at = at + 7
end
return {revision, ids}
