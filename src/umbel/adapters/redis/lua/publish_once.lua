-- Stores messages that have names, each name once. KEYS: prefix. ARGV: sep, seconds for which names are remembered after
-- the last one, then each: name, and its message as a group of one (adding.lua, `add`).
-- Returns: how many were new.
-- Invariant: a message is stored in the step that remembers its name. The names come first: a server at its `maxmemory`
-- refuses them, and with them the call.
-- include: common
-- include: adding
local sep, stored = ARGV[1], 0
for at = 3, #ARGV, 7 do
  if redis.call('SADD', U .. 'moved', ARGV[at]) == 1 then
    add(at + 1, 1, sep)
    stored = stored + 1
  end
end
redis.call('EXPIRE', U .. 'moved', ARGV[2])
return stored
