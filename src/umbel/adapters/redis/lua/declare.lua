-- Writes bindings into kombu's tables. KEYS: prefix. ARGV: for each the table and its member.
-- Invariant: nothing that is there is changed. A removal comes first: a server at its `maxmemory` must get workers.
redis.call('DEL', KEYS[1] .. 'umbel:nothing')
for at = 1, #ARGV, 2 do redis.call('SADD', ARGV[at], ARGV[at + 1]) end
return #ARGV / 2
