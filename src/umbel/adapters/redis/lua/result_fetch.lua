-- Reads several results. KEYS: for each its key and the key beside it. Returns for each its document (nil when there is
-- none), its expiry in unix milliseconds (0: never), and what stands beside it (nil when nothing does).
-- Invariant: reads only; the document, its expiry and what stands beside it are of one moment.

local function expiry(key)
  local at = redis.pcall('PEXPIRETIME', key)
  if type(at) == 'number' then
    return at > 0 and at or 0
  end
  local left = redis.call('PTTL', key) -- a server older than 7.0
  if left < 0 then
    return 0
  end
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000) + left
end

local found = {}
for number = 1, #KEYS, 2 do
  local document = redis.call('GET', KEYS[number])
  local at = #found
  found[at + 1], found[at + 2], found[at + 3] = document, 0, false
  if document then
    found[at + 2] = expiry(KEYS[number])
    if not string.find(document, '^{"status": ?"[^"\\]*"') then
      found[at + 3] = redis.call('GET', KEYS[number + 1])
    end
  end
end
return found
