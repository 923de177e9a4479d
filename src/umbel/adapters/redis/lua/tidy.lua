-- One bounded step of housekeeping. KEYS: prefix. ARGV: now, oldest death that may stay or '', most dead letters or 0.
-- Returns: how many things were removed.
-- Invariant: what waits, is delayed or runs is never removed.
-- include: common
relieve()
local now, oldest, most, removed = ARGV[1], ARGV[2], tonumber(ARGV[3]), 0

local function expired(index, forget)
  local members = redis.call('ZRANGEBYSCORE', U .. index, '-inf', now, 'LIMIT', 0, 1000)
  for _, member in ipairs(members) do
    redis.call('ZREM', U .. index, member)
    removed = removed + forget(member)
  end
end

expired('revocations:expiry', function(revision)
  return redis.call('ZREMRANGEBYSCORE', U .. 'revocations', revision, revision)
end)
expired('broadcasts:expiry', function(number)
  return redis.call('ZREMRANGEBYSCORE', U .. 'broadcasts', number, number)
end)
expired('tickets', function(ticket)
  local answers = redis.call('LLEN', U .. 'reply:' .. ticket)
  redis.call('DEL', U .. 'reply:' .. ticket)
  return answers
end)
expired('inboxes', function(member)
  redis.call('DEL', P .. string.match(member, '[%w%.-]+$'))
  return redis.call('SREM', P .. '_kombu.binding.reply.celery.pidbox', member)
end)
local dead = {}
if oldest ~= '' then dead = redis.call('ZRANGEBYSCORE', U .. 'dead', '-inf', '(' .. oldest, 'LIMIT', 0, 1000) end
local surplus = most > 0 and redis.call('ZCARD', U .. 'dead') - most or 0
if surplus > #dead then dead = redis.call('ZRANGE', U .. 'dead', 0, math.min(surplus, 1000) - 1) end
for _, ref in ipairs(dead) do exhume(ref) end

-- Facts of messages that a Celery worker took: nobody told us. Those of suspects and judged ones never are in its lists.
local scan = redis.call('HSCAN', U .. 'facts', redis.call('GET', U .. 'facts:cursor') or '0', 'COUNT', 500)
local week_ago = milliseconds() - 604800000
for at = 1, #scan[2], 2 do
  local facts = cmsgpack.unpack(scan[2][at + 1])
  if facts.t < week_ago and not facts.a and not facts.v then redis.call('HDEL', U .. 'facts', scan[2][at]) end
end
redis.call('SET', U .. 'facts:cursor', scan[1], 'EX', 604800)
return removed + #dead
