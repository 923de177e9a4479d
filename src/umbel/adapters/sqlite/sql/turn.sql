-- The way of a message: publish it, settle and claim, read what was claimed, look for work.
--
-- Invariant: each statement that writes is one whole transaction, and returns no row.

-- name: publish
-- Multi-row. The first row computes its seq from ? = microseconds since 2025 (rows.py), the others follow by themselves.
INSERT INTO message (seq, queue, priority, id, name, due, stored, head, body) VALUES

-- name: publish_first
(max(?, ifnull((SELECT max(seq) FROM message), 0) + 1), ?, ?, ?, ?, ?, ?, ?, ?)

-- name: turn
-- Multi-row. Columns: triggers.sql.
INSERT INTO turn (kind, v1, v2, v3, v4, v5) VALUES

-- name: act
-- Multi-row. Columns: triggers.sql.
INSERT INTO act (kind, owner, held, seq, at, due, reason, detail, queue, id, name, priority, head, body, v1, v2, v3, v4, v5) VALUES

-- name: one
-- Columns: one.sql, and three.sql for what its number of changes says.
INSERT INTO one (owner, claim, seq, expires, meta, docs, hash) VALUES (?,?,?,?,?,?,?)

-- name: one_more
-- Columns: three.sql.
INSERT INTO one_more (owner, claim, seq, expires, meta, docs, hash, number, queues, most, now)
VALUES (?,?,?,?,?,?,?,?,?,?,?)

-- name: spread
-- The end of a multi-row insert for any number of rows (values.py puts the expressions in): ?1 = their values as one JSON
-- array of arrays, where an array stands for bytes: place and length in the blob ?2.
SELECT {picked} FROM json_each(?1)

-- name: spread_value
iif(json_type(value, '$[{at}]') = 'array', substr(?2, value ->> '$[{at}][0]', value ->> '$[{at}][1]'), value ->> '$[{at}]')

-- name: claimed
-- Arguments: owner, claim. One row a message that this claim took, oldest first.
SELECT l.seq, l.queue, CAST(m.head AS BLOB), CAST(m.body AS BLOB), m.priority, m.deaths, l.alone, m.verdict, m.redelivered,
       m.parked
FROM lease l JOIN message m ON m.seq = l.seq
WHERE l.owner = ?1 AND l.claim = ?2 ORDER BY l.seq

-- name: status
-- Arguments: owner, JSON array of wanted queues. What a consumer must know after (or before) a turn, in one row:
-- is the owner enlisted, newest revision, does anybody wait for anything, earliest due time, positions of the wanted
-- queues that hold ready rows ("0,2").
SELECT EXISTS (SELECT 1 FROM owner WHERE nonce = ?1),
       ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0),
       EXISTS (SELECT 1 FROM waiter),
       (SELECT min((SELECT min(due) FROM delayed d WHERE d.queue = w.value)) FROM json_each(?2) w),
       (SELECT group_concat(w.key) FROM json_each(?2) w WHERE EXISTS (SELECT 1 FROM ready r WHERE r.queue = w.value))

-- name: turned
-- Arguments: owner, JSON array of wanted queues, claim. The row of `status`, and with it what this claim took, in one row,
-- so that the interpreter lock is taken once and not for each message: number, queue, priority (lowest and highest), does
-- any of them need a closer look (`claimed`), seq and lengths of head and body of each as one JSON array, all heads and all
-- bodies as one blob each.
SELECT EXISTS (SELECT 1 FROM owner WHERE nonce = ?1),
       ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0),
       EXISTS (SELECT 1 FROM waiter),
       (SELECT min((SELECT min(due) FROM delayed d WHERE d.queue = w.value)) FROM json_each(?2) w),
       (SELECT group_concat(w.key) FROM json_each(?2) w WHERE EXISTS (SELECT 1 FROM ready r WHERE r.queue = w.value)),
       taken.*
FROM (
    SELECT count(*), l.queue, min(m.priority), max(m.priority),
           max(l.alone OR m.deaths OR m.redelivered OR m.parked OR m.verdict <> ''),
           '[' || group_concat(l.seq || ',' || length(m.head) || ',' || length(m.body)) || ']',
           CAST(group_concat(m.head, '') AS BLOB), CAST(group_concat(m.body, '') AS BLOB)
    FROM lease l CROSS JOIN message m WHERE l.owner = ?1 AND l.claim = ?3 AND m.seq = l.seq
) taken

-- name: look
-- Arguments: JSON array of queues. Is anything ready there, and when is the next delayed one due.
SELECT EXISTS (SELECT 1 FROM json_each(?1) w WHERE EXISTS (SELECT 1 FROM ready r WHERE r.queue = w.value)),
       (SELECT min((SELECT min(due) FROM delayed d WHERE d.queue = w.value)) FROM json_each(?1) w)

-- name: held
-- Arguments: owner, JSON array of [claim, seq]. Positions of those that the owner still holds.
SELECT w.key FROM json_each(?2) w
WHERE EXISTS (SELECT 1 FROM lease WHERE owner = ?1 AND claim = w.value ->> 0 AND seq = w.value ->> 1)
