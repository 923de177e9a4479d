-- Sends what ticks send, moves their marks and writes the history. KEYS: prefix. ARGV: sep, scope, term, most moments of the
-- history, ticks (count, each: entry, before, nominal, what, shape, moment), groups (count, each as `add` has it).
-- Returns: 1, or 0 when nothing of it happened.
-- Invariant: a mark moves only in the step that sends what its tick sends, under the term of the lease that stands; where
-- one tick does not fit, none happens.
-- include: common
-- include: adding
-- include: moments
local sep, scope, count = ARGV[1], ARGV[2], tonumber(ARGV[5])
local lease, marks = U .. 'schedule:' .. scope, U .. 'marks:' .. scope
local held = redis.call('HMGET', lease, 'term', 'leader', 'node')
if held[1] ~= ARGV[3] or held[2] == '0' then return 0 end
local at, sent = {}, {}
for index = 6, 5 + count * 6, 6 do
  local entry = ARGV[index]
  if not at[entry] then
    local mark = redis.call('HGET', marks, entry)
    at[entry], sent[entry] = '0', '0'
    if mark then at[entry], sent[entry] = string.match(mark, '^(%d+)|(%d+)|') end
  end
  if at[entry] ~= ARGV[index + 1] then return 0 end
  at[entry] = ARGV[index + 2]
end
for index = 6, 5 + count * 6, 6 do
  local entry, nominal = ARGV[index], ARGV[index + 2]
  if ARGV[index + 3] == 'sent' then sent[entry] = nominal end
  redis.call('HSET', marks, entry, nominal .. '|' .. sent[entry] .. '|' .. ARGV[index + 4])
  keep(scope, entry, tonumber(held[1]), held[3], ARGV[index + 5], ARGV[4])
end
add(7 + count * 6, tonumber(ARGV[6 + count * 6]), sep)
return 1
