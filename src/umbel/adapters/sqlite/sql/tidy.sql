-- Housekeeping: each statement removes a bounded number of rows.
--
-- Invariant: what a reader sees does not change, except that what has expired, or is over a limit, is gone.

-- name: revocations
-- Arguments: now, most rows.
DELETE FROM revocation WHERE revision IN (
    SELECT revision FROM revocation WHERE expires > 0 AND expires <= ?1 ORDER BY revision LIMIT ?2)

-- name: broadcasts
-- Arguments: now, most rows.
DELETE FROM broadcast WHERE number IN (SELECT number FROM broadcast WHERE expires <= ?1 ORDER BY number LIMIT ?2)

-- name: replies
-- Arguments: now, most rows.
DELETE FROM reply WHERE seq IN (SELECT seq FROM reply WHERE expires <= ?1 ORDER BY seq LIMIT ?2)

-- name: dead
-- Arguments: those that died before, how many to keep (0: all), most rows.
INSERT INTO forget_dead (before, keep, step) VALUES (?1, ?2, ?3)

-- name: window
-- Arguments: seq, most rows. The last of the results that follow it; NULL at the end.
SELECT max(seq) FROM (SELECT seq FROM result WHERE seq > ?1 ORDER BY seq LIMIT ?2)

-- name: stale
-- Arguments: first seq - 1, last seq, now, most rows. Results that no reader will see any more: expired, or a state that
-- is not terminal and that another row of its id has replaced (states.may_replace).
WITH RECURSIVE era (n) AS (
    SELECT min(seq) >> 13 FROM result
    UNION ALL SELECT n + 1 FROM era WHERE n < (SELECT max(seq) >> 13 FROM result))
SELECT r.seq, r.id, r.status, r.expires FROM result r WHERE r.seq > ?1 AND r.seq <= ?2 AND (
    (r.expires > 0 AND r.expires <= ?3) OR (r.status NOT IN ('SUCCESS', 'FAILURE', 'REVOKED') AND EXISTS (
        SELECT 1 FROM era CROSS JOIN result o
        WHERE o.seq >> 13 = era.n AND o.hash = r.hash AND o.id = r.id
          AND (o.status IN ('SUCCESS', 'FAILURE', 'REVOKED') OR o.seq > r.seq)))
) ORDER BY r.seq LIMIT ?4

-- name: drop_stale
-- Arguments: JSON array of [seq, id, status, expires] as they were seen: a seq may have been given to a new row since.
DELETE FROM result WHERE seq IN (
    SELECT r.seq FROM json_each(?1) w CROSS JOIN result r WHERE r.seq = w.value ->> 0 AND r.id = w.value ->> 1
      AND r.status = w.value ->> 2 AND r.expires = w.value ->> 3)

-- name: span
-- An upper bound of the number of results, without counting them.
SELECT ifnull(max(seq) - min(seq) + 1, 0) FROM result

-- name: surplus
-- Arguments: how many to keep. The newest that is too many.
SELECT seq FROM result ORDER BY seq DESC LIMIT 1 OFFSET ?1

-- name: drop_surplus
-- Arguments: newest that is too many, most rows.
DELETE FROM result WHERE seq IN (SELECT seq FROM result WHERE seq <= ?1 ORDER BY seq LIMIT ?2)

-- name: misses
-- Arguments: unix time, most rows. Notes of misses that nobody came back for.
DELETE FROM missed WHERE rowid IN (SELECT rowid FROM missed WHERE at < ?1 LIMIT ?2)

-- name: bells
-- Arguments: bell, most rows. Bells after it that somebody is said to listen to.
SELECT DISTINCT bell FROM waiter WHERE bell > ?1 ORDER BY bell LIMIT ?2
