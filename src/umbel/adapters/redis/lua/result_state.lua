-- What state a stored result is in; included by the scripts that write results.
-- Keys of a result: `key` holds the document as Celery keeps it; `side` stands beside it where the document does not
-- say its state at its head (compressed, other serializers): "<length> <first bytes, hex>\0<state>".
-- Invariant: a side that was written for another document than the one that is stored says nothing.

local HEAD = 96

-- Second: whether nothing beside it can matter.
local function state_of(key, side)
  local head = redis.call('GETRANGE', key, 0, HEAD - 1)
  if head == '' then
    return nil, true
  end
  local said = string.match(head, '^{"status": ?"([^"\\]*)"')
  if said then
    return said, true
  end
  local beside = redis.call('GET', side)
  if beside then
    local length, start, state = string.match(beside, '^(%d+) (%x*)%z(.*)$')
    local hex = string.gsub(head, '.', function(c) return string.format('%02x', string.byte(c)) end)
    if tonumber(length) == redis.call('STRLEN', key) and start == hex then
      return state
    end
  end
  return string.match(head, 'status.-(%u[%u_]+%u)') or ''
end

-- Whether a document is compressed and nothing beside it says its state: the caller reads it, puts a note beside it, and
-- comes again.
local function unread(key, stored)
  return stored == '' and redis.call('GETRANGE', key, 1, 17) == 'celery-compressed'
end

-- Mirrors states.may_replace.
local function may_replace(stored, new)
  if stored == nil or (stored ~= 'SUCCESS' and stored ~= 'FAILURE' and stored ~= 'REVOKED') then
    return true
  end
  return stored ~= 'SUCCESS' and new == 'SUCCESS'
end

-- Writes one state and tells those who wait for it. `expires` is unix milliseconds, '0' for ever.
-- With a side the first write is a removal: a server at its memory limit takes the results of work that is done.
local function write(key, side, document, expires, beside)
  if side then redis.call('DEL', side) end
  if expires == '0' then
    redis.call('SET', key, document)
    if beside ~= '' then
      redis.call('SET', side, beside)
    end
  else
    redis.call('SET', key, document, 'PXAT', expires)
    if beside ~= '' then
      redis.call('SET', side, beside, 'PXAT', expires)
    end
  end
  redis.call('PUBLISH', key, document)
end

-- Keeps one state if the stored one lets it. The script has written before. False: what is stored has to be read first.
local function keep(key, side, document, state, expires, beside)
  local stored, tidy = state_of(key, side)
  if unread(key, stored) then
    return false
  end
  if not may_replace(stored, state) then
    return true
  end
  if tidy and beside == '' then side = nil end
  write(key, side, document, expires, beside)
  return true
end
