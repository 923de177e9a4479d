-- Which messages an owner still holds. KEYS: prefix. ARGV: nonce, then claim and ref of each. Returns: 1 or 0 for each.
-- Invariant: it reads only.
local lease, held = KEYS[1] .. 'umbel:lease:' .. ARGV[1] .. ':', {}
for at = 2, #ARGV, 2 do held[#held + 1] = redis.call('HEXISTS', lease .. ARGV[at], ARGV[at + 1]) end
return held
