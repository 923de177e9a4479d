-- Keeps several states, each if the stored one lets it, in the order given, and wakes who waits for them.
-- KEYS: for each result its key and the key beside it. ARGV: for each its document, state, expiry in unix milliseconds
-- (0: never), and what to put beside it (empty: nothing).
-- Returns the places, from 0, of those that were left alone because what is stored is compressed and has no note that
-- says its state: the caller reads it, puts a note beside it, and comes again.
-- Invariant: a SUCCESS is never written over, another terminal state only by a SUCCESS.
-- include: result_state

local left = {}
for place = 0, #KEYS / 2 - 1 do
  local key, side, at = KEYS[place * 2 + 1], KEYS[place * 2 + 2], place * 4
  local stored = state_of(key, side)
  if unread(key, stored) then
    left[#left + 1] = place
  elseif may_replace(stored, ARGV[at + 2]) then
    write(key, side, ARGV[at + 1], ARGV[at + 3], ARGV[at + 4])
  end
end
return left
