-- A step into the line of a rate limit. KEYS: prefix. ARGV: task name, microseconds between two starts, 1 when its time
-- was reserved before.
-- Returns: microseconds until its time, 0: it may start now.
-- Invariant: two steps never get one place, and in any time of n intervals at most n + 2 of them may start.
-- include: common
relieve()
local key, every = U .. 'pace:' .. ARGV[1], tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local held = redis.call('HMGET', key, 'line', 'start')
local line, start = tonumber(held[1] or 0), tonumber(held[2] or 0)
local wait = 0
if ARGV[3] == '1' and start - every <= now then
  start = math.max(start, now) + every
  line = math.max(line, start)
else
  local at = math.max(line, now)
  line, wait = at + every, at - now
  if wait == 0 then
    start = math.max(start, now) + every
    line = math.max(line, start)
  end
end
redis.call('HSET', key, 'line', string.format('%.0f', line), 'start', string.format('%.0f', start))
redis.call('PEXPIRE', key, string.format('%.0f', (math.max(line, start) - now) / 1000 + 3600000))
return string.format('%.0f', wait)
