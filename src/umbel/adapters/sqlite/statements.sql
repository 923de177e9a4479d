-- Every statement that Python runs, by name. A statement that writes is one whole transaction.

-- name: publish
-- Multi-row: the first row computes its seq (arguments: microseconds since 2025), the others follow by themselves.
INSERT INTO message (seq, queue, priority, id, name, due, stored, head, body) VALUES

-- name: claimed
-- Arguments: owner, claim. One row a message that this claim took, oldest first.
SELECT l.seq, l.queue, CAST(m.head AS BLOB), CAST(m.body AS BLOB), m.priority, m.deaths, l.alone, m.verdict, m.redelivered
FROM lease l JOIN message m ON m.seq = l.seq
WHERE l.owner = ?1 AND l.claim = ?2 ORDER BY l.seq

-- name: status
-- Arguments: owner, JSON array of wanted queues. What a consumer must know after (or before) a turn, in one row:
-- is the owner enlisted, newest revision, are there fenced rows of the owner, does anybody wait for anything,
-- earliest due time, positions of the wanted queues that hold ready rows ("0,2").
SELECT EXISTS (SELECT 1 FROM owner WHERE nonce = ?1),
       ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0),
       EXISTS (SELECT 1 FROM fenced WHERE owner = ?1),
       EXISTS (SELECT 1 FROM waiter),
       (SELECT min((SELECT min(due) FROM delayed d WHERE d.queue = w.value)) FROM json_each(?2) w),
       (SELECT group_concat(w.key) FROM json_each(?2) w WHERE EXISTS (SELECT 1 FROM ready r WHERE r.queue = w.value))

-- name: fenced
-- Arguments: owner or token.
SELECT claim, seq FROM fenced WHERE owner = ?1

-- name: unfence
-- Arguments: owner or token, JSON array of [claim, seq].
DELETE FROM fenced WHERE owner = ?1
    AND (claim, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))

-- name: held
-- Arguments: owner, JSON array of [claim, seq]. Positions of those that the owner still holds.
SELECT w.key FROM json_each(?2) w
WHERE EXISTS (SELECT 1 FROM lease WHERE owner = ?1 AND claim = w.value ->> 0 AND seq = w.value ->> 1)

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

-- name: enlist
-- Arguments: nonce, node, pid, role, since, info as JSON.
INSERT INTO owner (nonce, node, pid, role, since, info) VALUES (?1, ?2, ?3, ?4, ?5, ?6)

-- name: owners
SELECT nonce, node, pid, role, since, info FROM owner ORDER BY since, nonce

-- name: owned
-- Arguments: nonce. How many messages it holds in each queue.
SELECT queue, count(*) FROM lease WHERE owner = ?1 GROUP BY queue

-- name: rescue
-- Arguments: owner, witness, started, verdicts, cause, poison (see triggers.sql).
INSERT INTO rescue (owner, witness, started, verdicts, cause, poison) VALUES (?1, ?2, ?3, ?4, ?5, ?6)

-- name: results
-- Arguments: JSON array of hashes, now. All rows of these ids, oldest first; the reader decides.
SELECT r.id, r.status, r.doc, r.expires FROM result r
WHERE r.hash IN (SELECT value FROM json_each(?1)) AND (r.expires <= 0 OR r.expires > ?2) ORDER BY r.seq

-- name: store
INSERT INTO result (hash, id, status, doc, expires) VALUES

-- name: forget
-- Arguments: JSON array of [hash, id].
DELETE FROM result WHERE seq IN (
    SELECT r.seq FROM json_each(?1) w CROSS JOIN result r WHERE r.hash = w.value ->> 0 AND r.id = w.value ->> 1)

-- name: result_known
-- Arguments: hash, id, now.
SELECT 1 FROM result WHERE hash = ?1 AND id = ?2 AND (expires <= 0 OR expires > ?3) LIMIT 1

-- name: message_known
-- Arguments: task id. A scan.
SELECT 1 FROM message WHERE id = ?1 LIMIT 1

-- name: waiting
-- Arguments: JSON array of task ids. Their waiting messages, with the key of the place where each was seen. A scan.
SELECT 'ready', m.seq, m.id, r.queue, r.level, 0.0, 0, 0 FROM message m CROSS JOIN ready r
WHERE m.id IN (SELECT value FROM json_each(?1)) AND r.queue = m.queue
  AND r.level IN ((9 - min(9, max(0, m.priority))) * 2, (9 - min(9, max(0, m.priority))) * 2 + 1) AND r.seq = m.seq
UNION ALL
SELECT 'delayed', m.seq, m.id, d.queue, 0, d.due, 0, 0 FROM delayed d CROSS JOIN message m
WHERE m.seq = d.seq AND m.id IN (SELECT value FROM json_each(?1))

-- name: withdraw
INSERT INTO withdraw (token, seq, place, queue, level, due, owner, claim, hash, id, status, doc, expires) VALUES

-- name: revoke
INSERT INTO revocation (id, terminate, signal, expires) VALUES

-- name: revoked
-- Arguments: revision. What the log says after it.
SELECT revision, id, terminate, signal, expires FROM revocation WHERE revision > ?1 ORDER BY revision

-- name: revision
SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0)

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
-- Arguments: ticket.
SELECT seq, payload FROM reply WHERE ticket = ?1 ORDER BY seq

-- name: take_replies
-- Arguments: JSON array of seqs.
DELETE FROM reply WHERE seq IN (SELECT value FROM json_each(?1))

-- name: counts
-- Sizes of every queue that has a message; oldest: when its oldest ready one arrived.
SELECT CAST(c.queue AS BLOB), sum(c.ready), sum(c.delayed), sum(c.leased), sum(c.dead),
       ifnull((SELECT min(stored) FROM message WHERE seq = (SELECT min(seq) FROM ready r WHERE r.queue = c.queue)), 0.0)
FROM (
    SELECT queue, count(*) AS ready, 0 AS delayed, 0 AS leased, 0 AS dead FROM ready GROUP BY queue
    UNION ALL SELECT queue, 0, count(*), 0, 0 FROM delayed GROUP BY queue
    UNION ALL SELECT queue, 0, 0, count(*), 0 FROM lease GROUP BY queue
    UNION ALL SELECT m.queue, 0, 0, 0, count(*) FROM dead JOIN message m ON m.seq = dead.seq GROUP BY m.queue
) c GROUP BY c.queue ORDER BY c.queue

-- name: located
-- Arguments: JSON array of seqs. Where each of them is now, with its key there (place, seq, id, queue, level, due, owner,
-- claim). A scan.
SELECT 'ready', m.seq, m.id, r.queue, r.level, 0.0, 0, 0 FROM json_each(?1) w CROSS JOIN message m CROSS JOIN ready r
WHERE m.seq = w.value AND r.queue = m.queue
  AND r.level IN ((9 - min(9, max(0, m.priority))) * 2, (9 - min(9, max(0, m.priority))) * 2 + 1) AND r.seq = m.seq
UNION ALL
SELECT 'delayed', seq, '', queue, 0, due, 0, 0 FROM delayed WHERE seq IN (SELECT value FROM json_each(?1))
UNION ALL
SELECT 'leased', seq, '', queue, 0, 0.0, owner, claim FROM lease WHERE seq IN (SELECT value FROM json_each(?1))
UNION ALL
SELECT 'dead', seq, '', '', 0, 0.0, 0, 0 FROM dead WHERE seq IN (SELECT value FROM json_each(?1))

-- name: items_ready
-- Arguments: queue or NULL, last seq of the page before or 0, its level (or NULL), most rows.
SELECT 'ready', m.seq, m.queue, m.id, m.name, m.head, m.body, m.priority, 0.0, m.stored, '', m.deaths, '', '', 0.0
FROM ready r JOIN message m ON m.seq = r.seq
WHERE (?1 IS NULL OR r.queue = ?1) AND CASE WHEN ?3 IS NULL THEN r.seq > ?2 ELSE (r.level, r.seq) > (?3, ?2) END
ORDER BY r.level, r.seq LIMIT ?4

-- name: items_delayed
-- The same, ?3: its due time.
SELECT 'delayed', m.seq, m.queue, m.id, m.name, m.head, m.body, m.priority, d.due, m.stored, '', m.deaths, '', '', 0.0
FROM delayed d JOIN message m ON m.seq = d.seq
WHERE (?1 IS NULL OR d.queue = ?1) AND CASE WHEN ?3 IS NULL THEN d.seq > ?2 ELSE (d.due, d.seq) > (?3, ?2) END
ORDER BY d.due, d.seq LIMIT ?4

-- name: items_leased
-- The same, ?3 unused.
SELECT 'leased', m.seq, m.queue, m.id, m.name, m.head, m.body, m.priority, m.due, m.stored, ifnull(o.node, ''), m.deaths,
       '', '', 0.0
FROM lease l JOIN message m ON m.seq = l.seq LEFT JOIN owner o ON o.nonce = l.owner
WHERE (?1 IS NULL OR l.queue = ?1) AND l.seq > ?2 AND ?3 IS NULL
ORDER BY l.seq LIMIT ?4

-- name: items_dead
-- The same, ?3: its time of death.
SELECT 'dead', m.seq, m.queue, m.id, m.name, m.head, m.body, m.priority, m.due, m.stored, '', m.deaths,
       d.reason, d.detail, d.at
FROM dead d JOIN message m ON m.seq = d.seq
WHERE (?1 IS NULL OR m.queue = ?1) AND CASE WHEN ?3 IS NULL THEN d.seq > ?2 ELSE (d.at, d.seq) > (?3, ?2) END
ORDER BY d.at, d.seq LIMIT ?4

-- name: items_find
-- Arguments: task id. A scan; place is decided by which table knows the seq.
SELECT CASE WHEN d.seq IS NOT NULL THEN 'dead' WHEN l.seq IS NOT NULL THEN 'leased' WHEN y.seq IS NOT NULL THEN 'delayed'
       ELSE 'ready' END,
       m.seq, m.queue, m.id, m.name, m.head, m.body, m.priority, ifnull(y.due, m.due), m.stored, ifnull(o.node, ''),
       m.deaths, ifnull(d.reason, ''), ifnull(d.detail, ''), ifnull(d.at, 0.0)
FROM message m
LEFT JOIN dead d ON d.seq = m.seq
LEFT JOIN lease l ON l.seq = m.seq LEFT JOIN owner o ON o.nonce = l.owner
LEFT JOIN delayed y ON y.queue = m.queue AND y.seq = m.seq
WHERE m.id = ?1 ORDER BY m.seq

-- name: rank_ready
SELECT level FROM ready WHERE seq = ?1

-- name: rank_delayed
SELECT due FROM delayed WHERE seq = ?1

-- name: rank_dead
SELECT at FROM dead WHERE seq = ?1

-- name: purge
-- Arguments: queue, highest seq to touch, most rows of each place.
INSERT INTO purge (queue, last, step) VALUES (?1, ?2, ?3)

-- name: last
SELECT ifnull(max(seq), 0) FROM message

-- name: replay
INSERT INTO replay (seq, body) VALUES
