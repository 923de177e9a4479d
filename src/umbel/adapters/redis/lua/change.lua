-- Writes or removes what was changed of one entry of a schedule. KEYS: prefix. ARGV: scope, most moments of the history,
-- name, edition that was seen (0: none), 1 to forget mark and history, who did it, the entry of the line and the line,
-- 1 when there is a text, unix time, text.
-- Returns: 1, or 0 when nothing of it happened.
-- Invariant: an override moves only from the edition that its writer has read, and each change has an edition of its own.
-- include: common
-- include: moments
local scope, name = ARGV[1], ARGV[3]
local book = U .. 'overrides:' .. scope
local held = redis.call('HGET', book, name)
local edition = held and string.match(held, '^%[(%d+)') or '0'
if edition ~= ARGV[4] then return 0 end
relieve()
local number = redis.call('HINCRBY', U .. 'schedule:' .. scope, 'edition', 1)
if ARGV[9] == '1' then
  redis.call('HSET', book, name, '[' .. number .. ',' .. ARGV[10] .. ',' .. cjson.encode(ARGV[6]) .. ',' .. cjson.encode(ARGV[11]) .. ']')
else
  redis.call('HDEL', book, name)
end
if ARGV[5] == '1' then
  redis.call('HDEL', U .. 'marks:' .. scope, name)
  redis.call('DEL', U .. 'moments:' .. scope .. '|' .. name)
end
keep(scope, ARGV[7], 0, ARGV[6], ARGV[8], ARGV[2])
return 1
