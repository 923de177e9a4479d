-- Claims messages that run once. KEYS: prefix. ARGV: owner, milliseconds of a lease, milliseconds for which one who is
-- silent may still live, milliseconds after which a claim is forgotten, then name and token of each message.
-- Returns: for each "mine", "again" (somebody had it before), "held" or "ended".
-- Invariant: what a living owner has under another token is left to him; what has ended is given to nobody.
-- include: common
-- include: claimed
relieve()
local owner, answers, now = ARGV[1], {}, milliseconds()
redis.call('SET', U .. 'claimant:' .. owner, 1, 'PX', ARGV[2])
redis.call('DEL', U .. 'doubt:' .. owner)
for at = 5, #ARGV, 2 do
  local key, mine = U .. 'claim:' .. ARGV[at], owner .. '|' .. ARGV[at + 1]
  local found, answer = redis.call('GET', key), 'again'
  local holder = found and string.match(found, '^(%d+)|')
  if not found then
    answer = 'mine'
  elseif holder then
    if found ~= mine and not is_dead(holder, ARGV[3], now) then answer = 'held' end
  elseif found ~= 'loose' then
    answer = 'ended'
  end
  if answer == 'mine' or answer == 'again' then redis.call('SET', key, mine, 'PX', ARGV[4]) end
  answers[#answers + 1] = answer
end
return answers
