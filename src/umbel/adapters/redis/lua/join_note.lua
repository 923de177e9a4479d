-- Keeps results and notes members of joins whose messages are in another store: what follows waits in an outbox.
-- KEYS: prefix. ARGV: sep, results (count, key, key beside it, document, state, unix milliseconds of its end (0: none),
-- note each), members (count, each as `add` has it).
-- Returns: {places, letters}: the places of results of which something has to be read first (`unread`), and then nothing
-- was done; and reference, message of each letter that is put into an outbox.
-- Invariant: a letter is there from the step that notes the last member of its join until somebody says that it was sent.
-- include: common
-- include: adding
-- include: result_state
relieve()
local results, left = tonumber(ARGV[2]), {}
for place = 0, results - 1 do
  local key, side = ARGV[place * 6 + 3], ARGV[place * 6 + 4]
  if unread(key, (state_of(key, side))) then left[#left + 1] = place end
end
if #left > 0 then return {left, {}} end
for at = 3, 3 + (results - 1) * 6, 6 do
  keep(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
end
add(4 + results * 6, tonumber(ARGV[3 + results * 6]), ARGV[1])
return {{}, letters or {}}
