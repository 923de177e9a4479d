-- Which messages an owner still holds. KEYS: prefix. ARGV: nonce, then claim and ref of each. Returns: 1 or 0 for each.
-- Invariant: what is held stays held; a batch becomes a hash.
-- include: common
relieve()
local nonce, held = ARGV[1], {}
for at = 2, #ARGV, 2 do
  local entry = redis.call('HGET', U .. 'claims:' .. nonce, ARGV[at])
  if entry then unfold(nonce, ARGV[at], entry) end
  held[#held + 1] = redis.call('HEXISTS', U .. 'lease:' .. nonce .. ':' .. ARGV[at], ARGV[at + 1])
end
return held
