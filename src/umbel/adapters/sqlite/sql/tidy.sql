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
-- Arguments: seq, most rows. Packs behind it: seq, expires, and the meta of a single result.
SELECT seq, expires, CASE WHEN count = 1 THEN meta END FROM result WHERE seq > ?1 ORDER BY seq LIMIT ?2

-- name: metas
-- Arguments: JSON array of seqs.
SELECT seq, count, meta FROM result WHERE seq IN (SELECT value FROM json_each(?1)) ORDER BY seq

-- name: span
-- An upper bound of the number of results, without counting them.
SELECT ifnull((SELECT seq + count FROM result ORDER BY seq DESC LIMIT 1) - (SELECT min(seq) FROM result), 0)

-- name: surplus
-- Arguments: how many to keep, most rows. Packs that lie wholly behind the newest ones, oldest first. A scan.
SELECT seq FROM (SELECT seq, count, sum(count) OVER (ORDER BY seq DESC) AS total FROM result)
WHERE total - count >= ?1 ORDER BY seq LIMIT ?2

-- name: edge
-- Arguments: how many to keep. The pack in which the newest ones begin: seq, how many of its results come before them, meta,
-- documents. A scan.
SELECT r.seq, r.total - ?1, result.meta, result.docs
FROM (SELECT seq, count, sum(count) OVER (ORDER BY seq DESC) AS total FROM result) r JOIN result ON result.seq = r.seq
WHERE r.total > ?1 AND r.total - r.count < ?1

-- name: misses
-- Arguments: unix time, most rows. Notes of misses that nobody came back for.
DELETE FROM missed WHERE rowid IN (SELECT rowid FROM missed WHERE at < ?1 LIMIT ?2)

-- name: bells
-- Arguments: bell, most rows. Bells after it that somebody is said to listen to.
SELECT DISTINCT bell FROM waiter WHERE bell > ?1 ORDER BY bell LIMIT ?2

-- name: joins
-- Arguments: now, most rows.
DELETE FROM joined WHERE id IN (SELECT id FROM joined WHERE expires > 0 AND expires <= ?1 LIMIT ?2)

-- name: members
-- Arguments: most rows. Members whose join has expired.
DELETE FROM member WHERE (joined, id) IN (
    SELECT joined, id FROM member WHERE joined NOT IN (SELECT id FROM joined) LIMIT ?1)

-- name: added
-- Arguments: most rows. Those that were added to a join that has expired.
DELETE FROM added WHERE (joined, id) IN (
    SELECT joined, id FROM added WHERE joined NOT IN (SELECT id FROM joined) LIMIT ?1)
