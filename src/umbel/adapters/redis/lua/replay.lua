-- Dead letters go back to their queue, with nothing counted against them.
-- KEYS: prefix. ARGV: sep, then each: ref, the item to put in its place or ''. Returns: how many there were.
-- Invariant: a letter is dead or it is ready.
-- include: common
relieve()
local sep, replayed, lists = ARGV[1], 0, {}
for at = 2, #ARGV, 2 do
  local packed = redis.call('HGET', U .. 'dead:letter', ARGV[at])
  if packed then
    local letter = cmsgpack.unpack(packed)
    local item = ARGV[at + 1] ~= '' and ARGV[at + 1] or redis.call('HGET', U .. 'dead:item', ARGV[at])
    exhume(ARGV[at])
    local list = list_of(letter.q, letter.s, sep)
    lists[list] = lists[list] or {}
    table.insert(lists[list], {pos = letter.p, item = item})
    redis.call('SADD', U .. 'queues', letter.q)
    replayed = replayed + 1
  end
end
for list, entries in pairs(lists) do give_back(list, entries) end
return replayed
