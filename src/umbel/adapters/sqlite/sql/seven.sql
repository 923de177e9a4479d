-- Layout 1.7: joins whose messages are in another store (backend.Joining).
--
-- Invariant: a letter is there from the step that notes the last member of its join until somebody says that it was
-- sent.
CREATE TABLE letter (
    ref INTEGER PRIMARY KEY AUTOINCREMENT,
    outbox TEXT NOT NULL,
    due REAL NOT NULL,                         -- unix time from which on anybody may take it
    taken INTEGER NOT NULL,                    -- number of the step that put it there, or took it last
    kept BLOB NOT NULL
) STRICT;
CREATE INDEX letter_due ON letter (outbox, due);

-- Kind 11 of the view `act`: a member of a join, as in layout 1.4. Where its queue is NULL, what follows becomes a letter:
--     id, at, priority         outbox, due, taken        body, v2        begin with the rest of the message
DROP TRIGGER joined_sends;

CREATE TRIGGER joined_sends INSTEAD OF INSERT ON joined_ends BEGIN
    INSERT INTO joined_leaves
    VALUES (NEW.at, NEW.queue, NEW.id, NEW.name, NEW.priority, NEW.head,
            CAST(CASE
                WHEN EXISTS (SELECT 1 FROM member WHERE joined = NEW.joined AND failed = 1) THEN NEW.instead || (
                    SELECT value FROM member WHERE joined = NEW.joined AND failed = 1 ORDER BY place, id LIMIT 1
                ) || NEW.instead_behind
                WHEN NEW.behind IS NULL THEN NEW.body
                ELSE NEW.body || (
                    SELECT group_concat(value, ',')
                    FROM (SELECT value FROM member WHERE joined = NEW.joined ORDER BY place, id)) || NEW.behind
            END AS BLOB));
    UPDATE joined SET sent = 1 WHERE id = NEW.joined;
    DELETE FROM member WHERE joined = NEW.joined;
END;

-- joined_leaves: the message that follows.
CREATE VIEW joined_leaves (at, queue, id, name, priority, head, body) AS SELECT 0.0, '', '', '', 0, x'', x'';

CREATE TRIGGER joined_leaves_here INSTEAD OF INSERT ON joined_leaves WHEN NEW.queue IS NOT NULL BEGIN
    INSERT INTO message (seq, queue, priority, id, name, due, stored, head, body)
    VALUES (max(CAST((NEW.at - 1735689600) * 1000000 AS INTEGER), ifnull((SELECT max(seq) FROM message), 0) + 1),
            NEW.queue, NEW.priority, NEW.id, NEW.name, 0.0, NEW.at, NEW.head, NEW.body);
END;

CREATE TRIGGER joined_leaves_elsewhere INSTEAD OF INSERT ON joined_leaves WHEN NEW.queue IS NULL BEGIN
    INSERT INTO letter (outbox, due, taken, kept) VALUES (NEW.id, NEW.at, NEW.priority, NEW.body);
END;
