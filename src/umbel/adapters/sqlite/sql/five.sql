-- Layout 1.5: schedulers (coordinator.py). Who leads, how far each entry has come, and what happened lately.
--
-- Invariant: a row of `mark` moves only in the step that sends what its tick sends, under the term of the lease that
-- stands; a statement of which one row does not fit does nothing ("umbel: deposed").
CREATE TABLE schedule (
    scope TEXT PRIMARY KEY,
    term INTEGER NOT NULL,                     -- grows with every change of the leader
    renewals INTEGER NOT NULL,
    leader INTEGER NOT NULL,                   -- nonce, 0: nobody
    node TEXT NOT NULL,
    entries TEXT NOT NULL,                     -- digest of what the leader sends
    since REAL NOT NULL                        -- unix time of the last renewal, by its clock
) STRICT, WITHOUT ROWID;

CREATE TABLE mark (
    scope TEXT NOT NULL, entry TEXT NOT NULL,
    nominal INTEGER NOT NULL,                  -- microseconds since 1970, of the last tick
    sent INTEGER NOT NULL,                     -- of the last one that was sent, 0: none
    shape TEXT NOT NULL,                       -- of the schedule
    PRIMARY KEY (scope, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE moment (
    seq INTEGER PRIMARY KEY,
    scope TEXT NOT NULL, entry TEXT NOT NULL, nominal INTEGER NOT NULL, what TEXT NOT NULL, at REAL NOT NULL,
    detail TEXT NOT NULL, node TEXT NOT NULL, term INTEGER NOT NULL
) STRICT;
CREATE INDEX moment_entry ON moment (scope, entry, seq);

-- Of each entry the last hundred moments are kept (coordinator.KEPT).
CREATE TRIGGER moment_kept AFTER INSERT ON moment BEGIN
    DELETE FROM moment WHERE scope = NEW.scope AND entry = NEW.entry AND seq <= (
        SELECT seq FROM moment WHERE scope = NEW.scope AND entry = NEW.entry ORDER BY seq DESC LIMIT 1 OFFSET 100);
END;

CREATE TRIGGER schedule_first AFTER INSERT ON schedule BEGIN
    INSERT INTO moment (scope, entry, nominal, what, at, detail, node, term)
    VALUES (NEW.scope, '', 0, 'led', NEW.since, '', NEW.node, NEW.term);
END;

CREATE TRIGGER schedule_led AFTER UPDATE ON schedule WHEN NEW.term <> OLD.term BEGIN
    INSERT INTO moment (scope, entry, nominal, what, at, detail, node, term)
    VALUES (NEW.scope, '', 0, 'led', NEW.since, '', NEW.node, NEW.term);
END;

-- tick: the ticks of one step, each followed by its messages.
--     kind 1     a tick: scope, term, entry, before, nominal, what, at, detail, shape
--     kind 2     a message: queue, priority, id, name, due, at (stored), head, body
CREATE VIEW tick (
    kind, scope, term, entry, before, nominal, what, at, detail, shape, queue, priority, id, name, due, head, body
) AS SELECT 0, '', 0, '', 0, 0, '', 0.0, '', '', '', 0, '', '', 0.0, x'', x'';

CREATE TRIGGER tick_marks INSTEAD OF INSERT ON tick WHEN NEW.kind = 1 BEGIN
    SELECT RAISE(ABORT, 'umbel: deposed')
    WHERE NOT EXISTS (SELECT 1 FROM schedule WHERE scope = NEW.scope AND term = NEW.term AND leader <> 0)
       OR ifnull((SELECT nominal FROM mark WHERE scope = NEW.scope AND entry = NEW.entry), 0) <> NEW.before;
    INSERT INTO mark (scope, entry, nominal, sent, shape)
    VALUES (NEW.scope, NEW.entry, NEW.nominal, iif(NEW.what = 'sent', NEW.nominal, 0), NEW.shape)
    ON CONFLICT (scope, entry) DO UPDATE
    SET nominal = NEW.nominal, sent = iif(NEW.what = 'sent', NEW.nominal, sent), shape = NEW.shape;
    INSERT INTO moment (scope, entry, nominal, what, at, detail, node, term)
    SELECT NEW.scope, NEW.entry, NEW.nominal, NEW.what, NEW.at, NEW.detail, node, term
    FROM schedule WHERE scope = NEW.scope;
END;

CREATE TRIGGER tick_sends INSTEAD OF INSERT ON tick WHEN NEW.kind = 2 BEGIN
    INSERT INTO message (seq, queue, priority, id, name, due, stored, head, body)
    VALUES (max(CAST((NEW.at - 1735689600) * 1000000 AS INTEGER), ifnull((SELECT max(seq) FROM message), 0) + 1),
            NEW.queue, NEW.priority, NEW.id, NEW.name, NEW.due, NEW.at, NEW.head, NEW.body);
END;
