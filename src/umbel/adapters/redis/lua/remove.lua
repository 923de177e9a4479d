-- Removes messages by hand. KEYS: prefix. ARGV: place, then each: key without prefix and member (ready, delayed), or
-- nonce:claim and ref (leased), or '' and ref (dead). Returns: how many there were.
-- Invariant: what has moved on since it was listed is left alone.
-- include: common
relieve()
local removed = 0
for at = 2, #ARGV, 2 do
  local key, member = ARGV[at], ARGV[at + 1]
  local item, gone = member, 0
  if ARGV[1] == 'dead' then
    gone = exhume(member) and 1 or 0
  elseif ARGV[1] == 'leased' then
    local nonce, claim = string.match(key, '^(%d+):(%d+)$')
    local entry = redis.call('HGET', U .. 'claims:' .. nonce, claim)
    if entry then unfold(nonce, claim, entry) end
    local value = redis.call('HGET', U .. 'lease:' .. key, member)
    if value then
      gone = redis.call('HDEL', U .. 'lease:' .. key, member)
      redis.call('HDEL', U .. 'held', member)
      item = string.sub(value, string.find(value, '|', 1, true) + 1)
      if redis.call('EXISTS', U .. 'lease:' .. key) == 0 then
        redis.call('HDEL', U .. 'claims:' .. nonce, claim)
      end
    end
  elseif redis.call('TYPE', P .. key).ok == 'list' then
    gone = redis.call('LREM', P .. key, -1, member)
  else
    gone = redis.call('ZREM', P .. key, member)
    item = string.match(member, '^[%d|]+|(.*)$')
  end
  if gone > 0 and ARGV[1] ~= 'dead' then drop_facts(ref_of(item)) end
  removed = removed + gone
end
return removed
