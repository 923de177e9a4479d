-- Results, who waits for them (or for anything else that has a name), and what follows joins for other stores.
--
-- Invariant: results are only appended; which one of an id counts is states.may_replace applied in the order of writing.

-- name: entries
-- Arguments: JSON array of hashes. Of each row with results of these ids (or of ids with the same hash), oldest first: seq,
-- expires, meta, docs, places as a JSON array.
WITH RECURSIVE era (n) AS (
    SELECT min(seq) >> 13 FROM result
    UNION ALL SELECT n + 1 FROM era WHERE n < (SELECT max(seq) >> 13 FROM result)
), found (seq, places) AS MATERIALIZED (
    SELECT k.seq, json_group_array(k.place) FROM json_each(?1) w CROSS JOIN era CROSS JOIN result_key k
    WHERE k.era = era.n AND k.hash = w.value GROUP BY k.seq)
SELECT r.seq, r.expires, r.meta, r.docs, found.places FROM found CROSS JOIN result r WHERE r.seq = found.seq ORDER BY r.seq

-- name: strike
-- Multi-row. Columns: triggers.sql.
INSERT INTO strike (seq, seen, meta, docs, keys) VALUES

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

-- name: letters
-- Arguments: number of a step. What it has put into an outbox, or taken out of one.
SELECT ref, kept FROM letter WHERE taken = ?1 ORDER BY ref

-- name: overdue
-- Arguments: outbox, now.
SELECT 1 FROM letter WHERE outbox = ?1 AND due <= ?2 LIMIT 1

-- name: take
-- Arguments: outbox, now, when they are due again, number of this step, most letters.
UPDATE letter SET due = ?3, taken = ?4
WHERE ref IN (SELECT ref FROM letter WHERE outbox = ?1 AND due <= ?2 ORDER BY due LIMIT ?5)

-- name: drop
-- Arguments: JSON array of refs.
DELETE FROM letter WHERE ref IN (SELECT value FROM json_each(?1))
