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
-- Arguments: first seq - 1, last seq, now, most rows. Results that no reader will see any more: expired, or replaced.
SELECT r.seq FROM result r WHERE r.seq > ?1 AND r.seq <= ?2 AND (
    (r.expires > 0 AND r.expires <= ?3) OR EXISTS (SELECT 1 FROM replaced WHERE replaced.seq = r.seq)
) ORDER BY r.seq LIMIT ?4

-- name: drop_stale
-- Arguments: JSON array of seqs, now. Looks again (a seq may have been given to a new row), and takes with a row what it
-- had replaced, which must not be seen again.
DELETE FROM result WHERE seq IN (
    SELECT r.seq FROM json_each(?1) w CROSS JOIN result r WHERE r.seq = w.value AND (
        (r.expires > 0 AND r.expires <= ?2) OR EXISTS (SELECT 1 FROM replaced WHERE replaced.seq = r.seq))
) OR seq IN (SELECT replaced.seq FROM json_each(?1) w CROSS JOIN replaced WHERE replaced.by = w.value)

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
DELETE FROM fenced WHERE rowid IN (SELECT rowid FROM fenced WHERE at < ?1 LIMIT ?2)

-- name: bells
-- Arguments: bell, most rows. Bells after it that somebody is said to listen to.
SELECT DISTINCT bell FROM waiter WHERE bell > ?1 ORDER BY bell LIMIT ?2
