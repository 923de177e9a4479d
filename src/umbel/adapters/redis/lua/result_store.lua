-- Keeps several states, each if the stored one lets it, in the order given, and wakes who waits for them.
-- KEYS: for each result its key and the key beside it. ARGV: for each its document, state, expiry in unix milliseconds
-- (0: never), and what to put beside it (empty: nothing). Returns how many were kept.
-- Invariant: a SUCCESS is never written over, another terminal state only by a SUCCESS.
-- include: result_state

local kept = 0
for number = 0, #KEYS / 2 - 1 do
  local at = number * 4
  kept = kept + keep(KEYS[number * 2 + 1], KEYS[number * 2 + 2], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
end
return kept
