-- Layout 1.2: joins (outcome.Member). What their members have said, and whether the message has been sent.
--
-- Invariant: a row of `member` has its join; when its message is sent, its members go in the same step.
CREATE TABLE joined (
    id TEXT PRIMARY KEY,
    noted INTEGER NOT NULL,                    -- members so far
    sent INTEGER NOT NULL,                     -- 1: all are there, its message was sent
    expires REAL NOT NULL                      -- unix time, 0.0: never
) STRICT, WITHOUT ROWID;
CREATE INDEX joined_expires ON joined (expires);

CREATE TABLE member (
    joined TEXT NOT NULL, id TEXT NOT NULL, place INTEGER NOT NULL, failed INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (joined, id)
) STRICT, WITHOUT ROWID;

-- Kind 11 of the view `act`: a member of a join.
--     reason, detail   join, member        seq, held        place, size
--     owner            1: it has failed    v4               its value
--     v5               unix time until which the join is remembered
--     queue, id, name, priority, head     of the message to send when it is the last one, sent at `at`
--     body, v1         `then`: what comes before the values and behind them (NULL: there are none)
--     v2, v3           `otherwise`: the same for the failed value
CREATE TRIGGER act_member INSTEAD OF INSERT ON act WHEN NEW.kind = 11 BEGIN
    INSERT OR IGNORE INTO joined (id, noted, sent, expires) VALUES (NEW.reason, 0, 0, NEW.v5);
    INSERT OR IGNORE INTO member (joined, id, place, failed, value)
    SELECT NEW.reason, NEW.detail, NEW.seq, NEW.owner, NEW.v4 FROM joined WHERE id = NEW.reason AND sent = 0;
    UPDATE joined SET noted = noted + 1 WHERE id = NEW.reason AND changes() = 1;
    INSERT INTO joined_ends
    SELECT NEW.reason, NEW.at, NEW.queue, NEW.id, NEW.name, NEW.priority, NEW.head, NEW.body, NEW.v1, NEW.v2, NEW.v3
    FROM joined WHERE id = NEW.reason AND sent = 0 AND noted >= NEW.held;
END;

-- joined_ends: all members are there. A view of its own, so that nobody looks through the members before that.
CREATE VIEW joined_ends (joined, at, queue, id, name, priority, head, body, behind, instead, instead_behind) AS
SELECT '', 0.0, '', '', '', 0, x'', x'', x'', x'', x'';

CREATE TRIGGER joined_sends INSTEAD OF INSERT ON joined_ends BEGIN
    INSERT INTO message (seq, queue, priority, id, name, due, stored, head, body)
    VALUES (max(CAST((NEW.at - 1735689600) * 1000000 AS INTEGER), ifnull((SELECT max(seq) FROM message), 0) + 1),
            NEW.queue, NEW.priority, NEW.id, NEW.name, 0.0, NEW.at, NEW.head,
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
