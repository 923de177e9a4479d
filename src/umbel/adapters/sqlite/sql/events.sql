-- Events, in a file of their own: a ring of messages, and who waits for them.
--
-- Invariant: numbers only ascend, also behind a removal, so a listener that reads what is above its number reads each
-- message once; of the newest 100,000 none is removed.

-- name: layout
-- The whole file; safe to repeat. The table `waiter` is that of the store (schema.sql).
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, node TEXT NOT NULL, type TEXT NOT NULL,
    encoding TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS waiter (
    key INTEGER NOT NULL, bell INTEGER NOT NULL, PRIMARY KEY (key, bell)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS ring AFTER INSERT ON event WHEN NEW.seq % 1000 = 0 BEGIN
    DELETE FROM event WHERE seq <= NEW.seq - 100000;
END

-- name: tell
-- Multi-row.
INSERT INTO event (key, node, type, encoding, body) VALUES

-- name: newest
-- The number of the newest message, 0 before the first.
SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)

-- name: heard
-- Arguments: number, most rows. Messages above the number, oldest first.
SELECT seq, key, node, type, encoding, body FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2
