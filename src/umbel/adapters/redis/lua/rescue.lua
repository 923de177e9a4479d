-- Prolongs leases, takes back the work of reported dead owners, then of those whose lease is over.
-- KEYS: prefix. ARGV: sep, deaths that make poison, milliseconds, cause of an unreported death, now, the roll that the
-- caller knows, milliseconds of a lease, how many are prolonged, their nonces, then each report:
-- nonce, cause, whether it counts, started (count, refs), verdicts (count, ref and verdict each).
--   milliseconds: two sweeps that are further apart than this are a gap, behind which nothing is taken for as long
-- Returns: how many messages became claimable; whether to look again soon, because an owner was not heard for long or
-- something delayed falls due; the number of the roll; and the roll itself where the caller knows another one.
-- Invariant: an owner that is over is on no list of the living, and holds nothing.
-- include: common
local sep, poison, calm, unseen, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
-- include: takeback
relieve()
local at, rescued, soon = 9 + tonumber(ARGV[8]), 0, 0
local prolonged = string.format('%.0f', milliseconds() + ARGV[7])
for place = 9, at - 1 do redis.call('ZADD', U .. 'alive', 'XX', 'GT', prolonged, ARGV[place]) end

local function count_death(facts, cause)
  facts.d = (facts.d or 0) + 1
  if facts.d >= poison then facts.v = 'WorkerLostError:' .. cause end
end

local function lost(ref, facts, cause)
  if redis.call('HEXISTS', U .. 'held', ref) == 1 then facts.v = 'WorkerLostError:' .. cause end
  facts.r = true
end

while at <= #ARGV do
  local nonce, cause, counts = ARGV[at], ARGV[at + 1], ARGV[at + 2] == '1'
  local started, verdicts = {}, {}
  at = at + 4
  for _ = 1, tonumber(ARGV[at - 1]) do
    started[ARGV[at]] = true
    at = at + 1
  end
  at = at + 1
  for _ = 1, tonumber(ARGV[at - 1]) do
    verdicts[ARGV[at]] = ARGV[at + 1]
    at = at + 2
  end
  rescued = rescued + over(nonce, function(ref, facts)
    facts = facts or {}
    if counts and started[ref] then count_death(facts, cause) end
    lost(ref, facts, cause)
    facts.v = verdicts[ref] or facts.v
    return facts
  end)
end

for _, queue in ipairs(redis.call('SMEMBERS', U .. 'delays')) do
  promote(queue, now, sep)
  local head = redis.call('ZRANGE', U .. 'delayed:' .. queue, 0, 0, 'WITHSCORES')
  if head[1] and tonumber(head[2]) < now + calm / 1000 then soon = 1 end
end
local moment = milliseconds()
local before = redis.call('GETSET', U .. 'sweep', moment)
if not before or moment - before > calm then redis.call('SET', U .. 'calm', moment + calm) end
local over_since = {}
if moment >= tonumber(redis.call('GET', U .. 'calm') or '0') then
  over_since = redis.call('ZRANGEBYSCORE', U .. 'alive', '-inf', '(' .. string.format('%.0f', moment))
end
for _, nonce in ipairs(over_since) do
  rescued = rescued + over(nonce, function(ref, facts)
    facts = facts or {}
    if facts.a then count_death(facts, unseen) end
    facts.a = true
    lost(ref, facts, unseen)
    return facts
  end)
end
if redis.call('ZCOUNT', U .. 'alive', '-inf', string.format('%.0f', moment + calm)) > 0 then soon = 1 end
local roll = redis.call('GET', U .. 'roll') or ''
if roll == ARGV[6] and roll ~= '' then return {rescued, soon, roll} end
return {rescued, soon, roll, redis.call('HVALS', U .. 'owners')}
