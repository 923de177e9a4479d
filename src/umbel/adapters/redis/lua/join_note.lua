-- Keeps results and notes members of joins whose messages are in another store: what follows waits in an outbox.
-- KEYS: prefix. ARGV: sep, outbox, when others may take from it, messages for it (count, each), results (count, key, key
-- beside it, document, state, unix milliseconds of its end (0: none), note each), members (count, each as `add` has it).
-- Returns: {places, letters}: the places of results of which something has to be read first (`unread`), and then nothing
-- was done; and reference, message of each letter that is put into an outbox.
-- Invariant: a letter is there from the step that notes the last member of its join until somebody says that it was sent.
-- include: common
-- include: adding
-- include: result_state
relieve()
local left, first = {}, 6 + ARGV[4]
local last = first + (ARGV[first - 1] - 1) * 6
for at = first, last, 6 do
  if unread(ARGV[at], (state_of(ARGV[at], ARGV[at + 1]))) then left[#left + 1] = (at - first) / 6 end
end
if #left > 0 then return {left, {}} end
for at = 5, first - 2 do post(ARGV[2], ARGV[3], ARGV[at]) end
for at = first, last, 6 do
  keep(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
end
add(last + 7, tonumber(ARGV[last + 6]), ARGV[1])
return {{}, letters or {}}
