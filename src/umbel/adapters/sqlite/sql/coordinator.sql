-- Schedulers: the lease, the ticks of one step, and what there is to know.
--
-- Invariant: each statement that writes is one whole transaction, and returns no row; the rest is five.sql's.

-- name: lead
-- Arguments: scope, nonce, node, entries, unix time, term and renewals of the lease that stood still (0, 0: none).
INSERT INTO schedule (scope, term, renewals, leader, node, entries, since) VALUES (?1, 1, 1, ?2, ?3, ?4, ?5)
ON CONFLICT (scope) DO UPDATE
SET term = term + (leader <> ?2), renewals = renewals + 1, leader = ?2, node = ?3, entries = ?4, since = ?5
WHERE leader IN (?2, 0) OR (term = ?6 AND renewals = ?7)

-- name: lease
SELECT term, renewals, leader, node, entries FROM schedule WHERE scope = ?1

-- name: resign
-- Arguments: scope, nonce.
UPDATE schedule SET leader = 0 WHERE scope = ?1 AND leader = ?2

-- name: fire
-- Multi-row. Columns: five.sql.
INSERT INTO tick (kind, scope, term, entry, before, nominal, what, at, detail, shape,
                  queue, priority, id, name, due, head, body) VALUES

-- name: standing
-- Arguments: scope. The lease and every mark as they are at one moment; a row without an entry when there is no mark.
SELECT s.term, s.renewals, s.leader, s.node, s.entries, m.entry, m.nominal, m.sent, m.shape
FROM (SELECT ?1 AS scope) w LEFT JOIN schedule s ON s.scope = w.scope LEFT JOIN mark m ON m.scope = w.scope

-- name: moments_of
-- Arguments: scope, entry, how many.
SELECT entry, nominal, what, at, detail, node, term FROM moment WHERE scope = ?1 AND entry = ?2
ORDER BY seq DESC LIMIT ?3

-- name: moments
-- Arguments: scope, how many.
SELECT entry, nominal, what, at, detail, node, term FROM moment WHERE scope = ?1 ORDER BY seq DESC LIMIT ?2
