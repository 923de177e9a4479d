-- Results, and who waits for them (or for anything else that has a name).
--
-- Invariant: rows of one id are only appended; which one counts is states.may_replace applied in the order of seq.

-- name: store
INSERT INTO result (hash, id, status, doc, expires) VALUES

-- name: results
-- Arguments: JSON array of hashes. All rows of these ids, and of ids with the same hash, oldest first; the reader decides.
WITH RECURSIVE era (n) AS (
    SELECT min(seq) >> 13 FROM result
    UNION ALL SELECT n + 1 FROM era WHERE n < (SELECT max(seq) >> 13 FROM result))
SELECT r.id, r.status, r.doc, r.expires FROM json_each(?1) w CROSS JOIN era CROSS JOIN result r
WHERE r.seq >> 13 = era.n AND r.hash = w.value ORDER BY r.seq

-- name: forget
-- Arguments: JSON array of [hash, id].
DELETE FROM result WHERE seq IN (
    WITH RECURSIVE era (n) AS (
        SELECT min(seq) >> 13 FROM result
        UNION ALL SELECT n + 1 FROM era WHERE n < (SELECT max(seq) >> 13 FROM result))
    SELECT r.seq FROM json_each(?1) w CROSS JOIN era CROSS JOIN result r
    WHERE r.seq >> 13 = era.n AND r.hash = w.value ->> 0 AND r.id = w.value ->> 1)

-- name: message_known
-- Arguments: task id. A scan.
SELECT 1 FROM message WHERE id = ?1 LIMIT 1

-- name: waiters
-- Arguments: JSON array of keys. Bells of everybody who waits for one of them.
SELECT DISTINCT bell FROM waiter WHERE key IN (SELECT value FROM json_each(?1))

-- name: wait
-- Arguments: bell, JSON array of keys.
INSERT OR IGNORE INTO waiter (key, bell) SELECT value, ?1 FROM json_each(?2)

-- name: unwait
-- Arguments: bell, JSON array of keys.
DELETE FROM waiter WHERE bell = ?1 AND key IN (SELECT value FROM json_each(?2))

-- name: unbell
-- Arguments: JSON array of bells that nobody listens to any more.
DELETE FROM waiter WHERE bell IN (SELECT value FROM json_each(?1))
