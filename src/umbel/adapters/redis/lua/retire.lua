-- The clean end of an owner: what it still holds is as if it had never been claimed. KEYS: prefix. ARGV: sep, nonce.
-- Invariant: no counter moves.
-- include: common
local sep = ARGV[1]
-- include: takeback
relieve()
return over(ARGV[2], function(_, facts) return facts end)
