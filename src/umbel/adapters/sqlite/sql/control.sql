-- Revocations, requests and replies.
--
-- Invariant: a waiting message and its record are removed and stored in one step, and only where the message was seen.

-- name: revoke
INSERT INTO revocation (id, terminate, signal, expires) VALUES

-- name: revoked
-- Arguments: revision. What the log says after it.
SELECT revision, id, terminate, signal, expires FROM revocation WHERE revision > ?1 ORDER BY revision

-- name: revision
SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0)

-- name: waiting
-- Arguments: JSON array of task ids. Their waiting messages, with the key of the place where each was seen, and their
-- bodies. A scan.
SELECT 'ready', m.seq, m.id, r.queue, r.level, 0.0, 0, 0, m.body FROM message m CROSS JOIN ready r
WHERE m.id IN (SELECT value FROM json_each(?1)) AND r.queue = m.queue
  AND r.level IN (18 - 2 * m.priority, 19 - 2 * m.priority) AND r.seq = m.seq
UNION ALL
SELECT 'delayed', m.seq, m.id, d.queue, 0, d.due, 0, 0, m.body FROM delayed d CROSS JOIN message m
WHERE m.seq = d.seq AND m.id IN (SELECT value FROM json_each(?1))

-- name: withdraw
INSERT INTO withdraw (token, seq, place, queue, level, due, owner, claim, expires, meta, docs, keys) VALUES

-- name: missed
-- Arguments: token.
SELECT seq FROM missed WHERE token = ?1

-- name: unmiss
-- Arguments: token.
DELETE FROM missed WHERE token = ?1

-- name: broadcast
-- Arguments: payload, expires.
INSERT INTO broadcast (payload, expires) VALUES (?1, ?2)

-- name: broadcasts
-- Arguments: number, now.
SELECT number, payload FROM broadcast WHERE number > ?1 AND expires > ?2 ORDER BY number

-- name: reply
-- Arguments: ticket, payload, expires.
INSERT INTO reply (ticket, payload, expires) VALUES (?1, ?2, ?3)

-- name: replies
-- Arguments: ticket, now.
SELECT seq, payload FROM reply WHERE ticket = ?1 AND expires > ?2 ORDER BY seq

-- name: take_replies
-- Arguments: JSON array of seqs.
DELETE FROM reply WHERE seq IN (SELECT value FROM json_each(?1))
