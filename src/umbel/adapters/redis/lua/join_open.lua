-- Notes the sizes of joins whose members are about to be sent, as Celery's clients do.
-- KEYS: prefix. ARGV: 1: one that has ended begins again, 0: it stays ended; stem, size, unix milliseconds until which it
-- is remembered (0: for ever) each.
-- Invariant: what has been said of a join stays.
for at = 2, #ARGV, 3 do
  local stem = ARGV[at]
  if ARGV[1] == '1' then redis.call('DEL', stem .. '.c') end
  if redis.call('GET', stem .. '.c') ~= 'done' then
    redis.call('SET', stem .. '.s', ARGV[at + 1])
    if ARGV[at + 2] ~= '0' then redis.call('PEXPIREAT', stem .. '.s', ARGV[at + 2]) end
  end
end
