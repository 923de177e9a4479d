-- The reading side: scans, never on the path of a task.
--
-- Invariant: nothing is removed that has moved since it was seen (view `withdraw`, triggers.sql).

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

-- name: items_ready
-- Arguments: queue or NULL, last seq of the page before or 0, its level (or NULL), most rows. One page; messages are read
-- for the rows of the page only. Texts come as bytes: a foreign writer may have stored what is no text.
SELECT 'ready', m.seq, CAST(m.queue AS BLOB), CAST(m.id AS BLOB), CAST(m.name AS BLOB), m.head, m.body, m.priority, 0.0, m.stored, '', m.deaths, '', '', 0.0
FROM (
    SELECT r.level, r.seq FROM ready r
    WHERE (?1 IS NULL OR r.queue = ?1) AND CASE WHEN ?3 IS NULL THEN r.seq > ?2 ELSE (r.level, r.seq) > (?3, ?2) END
    ORDER BY r.level, r.seq LIMIT ?4
) r CROSS JOIN message m WHERE m.seq = r.seq ORDER BY r.level, r.seq

-- name: items_delayed
-- The same, ?3: its due time.
SELECT 'delayed', m.seq, CAST(m.queue AS BLOB), CAST(m.id AS BLOB), CAST(m.name AS BLOB), m.head, m.body, m.priority, d.due, m.stored, '', m.deaths, '', '', 0.0
FROM (
    SELECT d.due, d.seq FROM delayed d
    WHERE (?1 IS NULL OR d.queue = ?1) AND CASE WHEN ?3 IS NULL THEN d.seq > ?2 ELSE (d.due, d.seq) > (?3, ?2) END
    ORDER BY d.due, d.seq LIMIT ?4
) d CROSS JOIN message m WHERE m.seq = d.seq ORDER BY d.due, d.seq

-- name: items_leased
-- The same, ?3 unused.
SELECT 'leased', m.seq, CAST(m.queue AS BLOB), CAST(m.id AS BLOB), CAST(m.name AS BLOB), m.head, m.body, m.priority, m.due, m.stored, ifnull(o.node, ''), m.deaths, '', '', 0.0
FROM (
    SELECT l.seq, l.owner FROM lease l WHERE (?1 IS NULL OR l.queue = ?1) AND l.seq > ?2 AND ?3 IS NULL
    ORDER BY l.seq LIMIT ?4
) l CROSS JOIN message m LEFT JOIN owner o ON o.nonce = l.owner WHERE m.seq = l.seq ORDER BY l.seq

-- name: items_dead
-- The same, ?3: its time of death.
SELECT 'dead', m.seq, CAST(m.queue AS BLOB), CAST(m.id AS BLOB), CAST(m.name AS BLOB), m.head, m.body, m.priority, m.due, m.stored, '', m.deaths, d.reason, d.detail, d.at
FROM dead d CROSS JOIN message m
WHERE m.seq = d.seq AND (?1 IS NULL OR m.queue = ?1)
  AND CASE WHEN ?3 IS NULL THEN d.seq > ?2 ELSE (d.at, d.seq) > (?3, ?2) END
ORDER BY d.at, d.seq LIMIT ?4

-- name: items_find
-- Arguments: task id. A scan; place is decided by which table knows the seq.
SELECT CASE WHEN d.seq IS NOT NULL THEN 'dead' WHEN l.seq IS NOT NULL THEN 'leased' WHEN y.seq IS NOT NULL THEN 'delayed'
       ELSE 'ready' END,
       m.seq, CAST(m.queue AS BLOB), CAST(m.id AS BLOB), CAST(m.name AS BLOB), m.head, m.body, m.priority,
       ifnull(y.due, m.due), m.stored, ifnull(o.node, ''),
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

-- name: located
-- Arguments: JSON array of seqs. Where each of them is now, with its key there (place, seq, id, queue, level, due, owner,
-- claim). A scan.
SELECT 'ready', m.seq, m.id, r.queue, r.level, 0.0, 0, 0 FROM json_each(?1) w CROSS JOIN message m CROSS JOIN ready r
WHERE m.seq = w.value AND r.queue = m.queue
  AND r.level IN (18 - 2 * m.priority, 19 - 2 * m.priority) AND r.seq = m.seq
UNION ALL
SELECT 'delayed', seq, '', queue, 0, due, 0, 0 FROM delayed WHERE seq IN (SELECT value FROM json_each(?1))
UNION ALL
SELECT 'leased', seq, '', queue, 0, 0.0, owner, claim FROM lease WHERE seq IN (SELECT value FROM json_each(?1))
UNION ALL
SELECT 'dead', seq, '', '', 0, 0.0, 0, 0 FROM dead WHERE seq IN (SELECT value FROM json_each(?1))

-- name: purge
-- Arguments: queue, highest seq to touch, most rows of each place.
INSERT INTO purge (queue, last, step) VALUES (?1, ?2, ?3)

-- name: last
SELECT ifnull(max(seq), 0) FROM message

-- name: replay
INSERT INTO replay (seq, body) VALUES
