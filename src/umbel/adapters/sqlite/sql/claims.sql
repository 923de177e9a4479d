-- Claims of messages that run once. Lists of rows come as one JSON array of arrays.
--
-- Invariant: each statement that writes is one whole transaction, and returns no row; what was decided from what does
-- not stand any more changes nothing.

-- name: known
-- Arguments: names.
SELECT name, owner, token, state, expires FROM claim WHERE name IN (SELECT value FROM json_each(?1))

-- name: take_new
-- Arguments: [name, token] each, owner, unix time at which they are forgotten.
INSERT INTO claim (name, owner, token, state, expires)
SELECT value ->> 0, ?2, value ->> 1, 'held', ?3 FROM json_each(?1) WHERE true ON CONFLICT (name) DO NOTHING

-- name: take_over
-- Arguments: [name, token, owner and token and state that were read] each, owner, unix time.
UPDATE claim SET owner = ?2, token = wanted.value ->> 1, state = 'held', expires = ?3
FROM json_each(?1) AS wanted
WHERE claim.name = wanted.value ->> 0 AND claim.owner = wanted.value ->> 2 AND claim.token = wanted.value ->> 3
  AND claim.state = wanted.value ->> 4

-- name: settle
-- Arguments: [name, token, state] each, owner, unix time at which they are forgotten.
UPDATE claim SET owner = 0, token = '', state = ended.value ->> 2, expires = ?3
FROM json_each(?1) AS ended
WHERE claim.name = ended.value ->> 0 AND claim.owner = ?2 AND claim.token = ended.value ->> 1

-- name: forget
-- Arguments: unix time.
DELETE FROM claim WHERE expires <= ?1
