-- What the store does by itself: everything that must be one step is one INSERT, into a table or into a view whose
-- INSTEAD OF triggers do the work row by row. So no write transaction ever spans two calls into Python, and a thread
-- that holds the interpreter lock never holds the file's write lock.
--
-- Run after schema.sql, and again by each migration that changes them (they are dropped first).

-- A new message takes its place.
CREATE TRIGGER message_ready AFTER INSERT ON message WHEN NEW.due <= 0 BEGIN
    INSERT INTO ready (queue, level, seq)
    VALUES (NEW.queue, 19 - 2 * NEW.priority, NEW.seq);
END;

CREATE TRIGGER message_delayed AFTER INSERT ON message WHEN NEW.due > 0 BEGIN
    INSERT INTO delayed (queue, due, seq, level)
    VALUES (NEW.queue, NEW.due, NEW.seq, 19 - 2 * NEW.priority);
END;

-- turn: one consumer's turn as one statement: results, removals, then the claim. A view with as few columns and triggers
-- as it takes (each that does not apply costs a row a tenth of a microsecond): what they hold depends on the kind.
--     kind        v1          v2              v3                  v4                  v5
--     1 results   a pack: how many, unix time of their expiry, meta, documents, keys (packs.py)
--     2 whole     owner       claim number    how many messages: all that is held under it is removed
--     3 some      owner       claim number    how many messages   their seqs, JSON array: they are removed
--     4 claim     owner       claim number    wanted queues, JSON array      most messages       unix time, now
--     NULL: padding
-- Invariant: when one message that is removed is not held by this owner under that claim number, nothing of the whole
-- statement happens ("umbel: fenced"); the caller asks which, and repeats it without that one.
CREATE VIEW turn (kind, v1, v2, v3, v4, v5) AS SELECT 0, 0, 0, '', x'', 0.0;

CREATE TRIGGER turn_results INSTEAD OF INSERT ON turn WHEN NEW.kind = 1 BEGIN
    INSERT INTO result (seq, count, expires, meta, docs)
    VALUES (ifnull((SELECT seq + count FROM result ORDER BY seq DESC LIMIT 1), 1), NEW.v1, NEW.v2, NEW.v3, NEW.v4);
    INSERT INTO result_key (era, hash, seq, place)
    SELECT last.seq >> 13, k.value >> 10, last.seq, k.value & 1023
    FROM (SELECT max(seq) AS seq FROM result) last CROSS JOIN json_each(NEW.v5) k;
END;

CREATE TRIGGER turn_whole INSTEAD OF INSERT ON turn WHEN NEW.kind = 2 BEGIN
    SELECT RAISE(ABORT, 'umbel: fenced')
    WHERE (SELECT count(*) FROM lease WHERE owner = NEW.v1 AND claim = NEW.v2) <> NEW.v3;
    DELETE FROM message WHERE seq IN (SELECT seq FROM lease WHERE owner = NEW.v1 AND claim = NEW.v2);
    DELETE FROM lease WHERE owner = NEW.v1 AND claim = NEW.v2;
END;

CREATE TRIGGER turn_some INSTEAD OF INSERT ON turn WHEN NEW.kind = 3 BEGIN
    DELETE FROM message WHERE seq IN (SELECT value FROM json_each(NEW.v4));
    DELETE FROM lease WHERE owner = NEW.v1 AND claim = NEW.v2 AND seq IN (SELECT value FROM json_each(NEW.v4));
    SELECT RAISE(ABORT, 'umbel: fenced') WHERE changes() <> NEW.v3;
END;

-- A claim takes from one (queue, level): the lowest level over the wanted queues, among equals the first queue.
-- Nothing is claimed for an owner that is not (or no longer) in `owner`.
CREATE TRIGGER turn_claim INSTEAD OF INSERT ON turn
WHEN NEW.kind = 4 AND EXISTS (SELECT 1 FROM owner WHERE nonce = NEW.v1) BEGIN
    INSERT INTO ready (queue, level, seq)
    SELECT d.queue, d.level, d.seq FROM json_each(NEW.v3) w CROSS JOIN delayed d
    WHERE d.queue = w.value AND d.due <= NEW.v5 LIMIT 500;
    DELETE FROM delayed WHERE changes() > 0 AND (queue, due, seq) IN (
        SELECT d.queue, d.due, d.seq FROM json_each(NEW.v3) w CROSS JOIN delayed d
        WHERE d.queue = w.value AND d.due <= NEW.v5 LIMIT 500);
    INSERT INTO lease (owner, claim, seq, queue, level, alone)
    SELECT NEW.v1, NEW.v2, r.seq, r.queue, r.level, 1 - (r.level & 1)
    FROM ready r
    WHERE (r.queue, r.level) = (
        SELECT w.value, (SELECT min(level) FROM ready WHERE queue = w.value) AS best
        FROM json_each(NEW.v3) w WHERE best IS NOT NULL ORDER BY best, w.key LIMIT 1)
    ORDER BY r.seq
    LIMIT CASE WHEN (
        SELECT min(level) FROM ready WHERE queue IN (SELECT value FROM json_each(NEW.v3))
    ) & 1 THEN NEW.v4 ELSE 1 END;
    INSERT INTO taken (queue, level, seq) VALUES (
        (SELECT queue FROM lease WHERE owner = NEW.v1 AND claim = NEW.v2 LIMIT 1),
        (SELECT level FROM lease WHERE owner = NEW.v1 AND claim = NEW.v2 LIMIT 1),
        (SELECT max(seq) FROM lease WHERE owner = NEW.v1 AND claim = NEW.v2));
END;

-- taken: the oldest of one (queue, level), up to seq, are ready no more. A step of its own because a DELETE that has
-- subqueries collects its rows first (1.3 microseconds a row).
CREATE VIEW taken (queue, level, seq) AS SELECT '', 0, 0;

CREATE TRIGGER taken_rows INSTEAD OF INSERT ON taken BEGIN
    DELETE FROM ready WHERE queue = NEW.queue AND level = NEW.level AND seq <= NEW.seq;
END;

-- act: everything else that settles or sends, and turns that have any of it; one row each.
--     kind      1-4 as in `turn`, with its v1 to v5; 5 release, 6 park, 7 bury, 8 hold, 9 send, 10 limit; NULL: padding
--     owner, held, seq                    nonce, claim number, message; of a limit: seq = most ready rows
--     at        now, unix time            due       of a park, send: unix time
--     reason, detail                      of a bury
--     queue, id, name, priority, head, body   of a send; of a limit: queue
-- Invariant: as of `turn`: when one message is not held by this owner under that claim number, nothing happens.
CREATE VIEW act (kind, owner, held, seq, at, due, reason, detail, queue, id, name, priority, head, body,
                 v1, v2, v3, v4, v5) AS
SELECT 0, 0, 0, 0, 0.0, 0.0, '', '', '', '', '', 0, x'', x'', 0, 0, '', x'', 0.0;

CREATE TRIGGER act_turn INSTEAD OF INSERT ON act WHEN NEW.kind <= 4 BEGIN
    INSERT INTO turn VALUES (NEW.kind, NEW.v1, NEW.v2, NEW.v3, NEW.v4, NEW.v5);
END;

CREATE TRIGGER act_release INSTEAD OF INSERT ON act WHEN NEW.kind = 5 BEGIN
    INSERT INTO ready (queue, level, seq)
    SELECT queue, level, seq FROM lease WHERE owner = NEW.owner AND claim = NEW.held AND seq = NEW.seq;
    DELETE FROM lease WHERE owner = NEW.owner AND claim = NEW.held AND seq = NEW.seq;
    SELECT RAISE(ABORT, 'umbel: fenced') WHERE changes() = 0;
END;

CREATE TRIGGER act_park INSTEAD OF INSERT ON act WHEN NEW.kind = 6 BEGIN
    INSERT INTO delayed (queue, due, seq, level)
    SELECT queue, NEW.due, seq, level FROM lease WHERE owner = NEW.owner AND claim = NEW.held AND seq = NEW.seq;
    DELETE FROM lease WHERE owner = NEW.owner AND claim = NEW.held AND seq = NEW.seq;
    SELECT RAISE(ABORT, 'umbel: fenced') WHERE changes() = 0;
    UPDATE message SET parked = NEW.at WHERE seq = NEW.seq AND parked = 0.0;
END;

CREATE TRIGGER act_bury INSTEAD OF INSERT ON act WHEN NEW.kind = 7 BEGIN
    INSERT INTO dead (seq, at, reason, detail)
    SELECT seq, NEW.at, NEW.reason, NEW.detail FROM lease
    WHERE owner = NEW.owner AND claim = NEW.held AND seq = NEW.seq;
    DELETE FROM lease WHERE owner = NEW.owner AND claim = NEW.held AND seq = NEW.seq;
    SELECT RAISE(ABORT, 'umbel: fenced') WHERE changes() = 0;
END;

CREATE TRIGGER act_hold INSTEAD OF INSERT ON act WHEN NEW.kind = 8 BEGIN
    UPDATE lease SET early = 1 WHERE owner = NEW.owner AND claim = NEW.held AND seq = NEW.seq;
    SELECT RAISE(ABORT, 'umbel: fenced') WHERE changes() = 0;
END;

CREATE TRIGGER act_send INSTEAD OF INSERT ON act WHEN NEW.kind = 9 BEGIN
    INSERT INTO message (seq, queue, priority, id, name, due, stored, head, body)
    VALUES (max(CAST((NEW.at - 1735689600) * 1000000 AS INTEGER), ifnull((SELECT max(seq) FROM message), 0) + 1),
            NEW.queue, NEW.priority, NEW.id, NEW.name, NEW.due, NEW.at, NEW.head, NEW.body);
END;

-- Stands after the sends that it bounds.
CREATE TRIGGER act_limit INSTEAD OF INSERT ON act WHEN NEW.kind = 10 BEGIN
    SELECT RAISE(ABORT, 'umbel: queue full')
    WHERE (SELECT count(*) FROM (SELECT 1 FROM ready WHERE queue = NEW.queue LIMIT NEW.seq + 1)) > NEW.seq;
END;

-- rescue: an owner's end as one statement.
--     owner     nonce
--     witness   1: `started` says what ran; 0: nobody knows, all become suspects; 2: a clean end, nothing is counted
--     started   JSON array of seqs whose death counts
--     verdicts  JSON object seq -> verdict
--     cause     one line        poison    deaths after which the verdict falls
-- Invariant: its leases and its row in `owner` go in the same step; it can never claim again.
CREATE VIEW rescue (owner, witness, started, verdicts, cause, poison) AS SELECT 0, 0, '', '', '', 0;

CREATE TRIGGER rescue_owner INSTEAD OF INSERT ON rescue BEGIN
    UPDATE message SET redelivered = 1, deaths = deaths + lost.counted, verdict = CASE
        WHEN lost.verdict IS NOT NULL THEN lost.verdict
        WHEN lost.early OR (lost.counted AND deaths + 1 >= NEW.poison) THEN 'WorkerLostError:' || NEW.cause
        ELSE message.verdict END
    FROM (
        SELECT seq, early, v.value AS verdict,
               CASE NEW.witness WHEN 1 THEN s.value IS NOT NULL WHEN 0 THEN alone ELSE 0 END AS counted
        FROM lease
        LEFT JOIN (SELECT DISTINCT value FROM json_each(NEW.started)) s ON s.value = lease.seq
        LEFT JOIN json_each(NEW.verdicts) v ON CAST(v.key AS INTEGER) = lease.seq
        WHERE owner = NEW.owner AND NEW.witness < 2
    ) lost WHERE message.seq = lost.seq;
    INSERT INTO ready (queue, level, seq)
    SELECT queue, CASE NEW.witness WHEN 0 THEN level & ~1 ELSE level END, seq FROM lease WHERE owner = NEW.owner;
    DELETE FROM lease WHERE owner = NEW.owner;
    DELETE FROM owner WHERE nonce = NEW.owner;
END;

-- withdraw: removal of one message by hand, with the record that says so.
--     token, seq    the message; a miss is noted in `missed`
--     place         'ready', 'delayed', 'leased' or 'dead', where it was seen, and its key there:
--     queue, level, due, owner, claim
--     expires, meta, docs, keys           a pack of one result, meta NULL: none
-- Invariant: a message that moved since it was seen stays, and nothing is stored.
CREATE VIEW withdraw (token, seq, place, queue, level, due, owner, claim, expires, meta, docs, keys) AS
SELECT 0, 0, '', '', 0, 0.0, 0, 0, 0.0, '', x'', '';

CREATE TRIGGER withdraw_ready INSTEAD OF INSERT ON withdraw WHEN NEW.place = 'ready' BEGIN
    DELETE FROM ready WHERE queue = NEW.queue AND level = NEW.level AND seq = NEW.seq;
    DELETE FROM message WHERE seq = NEW.seq AND changes() = 1;
    INSERT INTO missed (token, seq, at) SELECT NEW.token, NEW.seq, unixepoch() WHERE changes() = 0;
    INSERT INTO turn (kind, v1, v2, v3, v4, v5)
    SELECT 1, 1, NEW.expires, NEW.meta, NEW.docs, NEW.keys WHERE changes() = 0 AND NEW.meta IS NOT NULL;
END;

CREATE TRIGGER withdraw_delayed INSTEAD OF INSERT ON withdraw WHEN NEW.place = 'delayed' BEGIN
    DELETE FROM delayed WHERE queue = NEW.queue AND due = NEW.due AND seq = NEW.seq;
    DELETE FROM message WHERE seq = NEW.seq AND changes() = 1;
    INSERT INTO missed (token, seq, at) SELECT NEW.token, NEW.seq, unixepoch() WHERE changes() = 0;
    INSERT INTO turn (kind, v1, v2, v3, v4, v5)
    SELECT 1, 1, NEW.expires, NEW.meta, NEW.docs, NEW.keys WHERE changes() = 0 AND NEW.meta IS NOT NULL;
END;

CREATE TRIGGER withdraw_leased INSTEAD OF INSERT ON withdraw WHEN NEW.place = 'leased' BEGIN
    DELETE FROM lease WHERE owner = NEW.owner AND claim = NEW.claim AND seq = NEW.seq;
    DELETE FROM message WHERE seq = NEW.seq AND changes() = 1;
    INSERT INTO missed (token, seq, at) SELECT NEW.token, NEW.seq, unixepoch() WHERE changes() = 0;
    INSERT INTO turn (kind, v1, v2, v3, v4, v5)
    SELECT 1, 1, NEW.expires, NEW.meta, NEW.docs, NEW.keys WHERE changes() = 0 AND NEW.meta IS NOT NULL;
END;

CREATE TRIGGER withdraw_dead INSTEAD OF INSERT ON withdraw WHEN NEW.place = 'dead' BEGIN
    DELETE FROM dead WHERE seq = NEW.seq;
    DELETE FROM message WHERE seq = NEW.seq AND changes() = 1;
    INSERT INTO missed (token, seq, at) SELECT NEW.token, NEW.seq, unixepoch() WHERE changes() = 0;
    INSERT INTO turn (kind, v1, v2, v3, v4, v5)
    SELECT 1, 1, NEW.expires, NEW.meta, NEW.docs, NEW.keys WHERE changes() = 0 AND NEW.meta IS NOT NULL;
END;

-- purge: one bounded step of emptying a queue; no message above `last` is touched.
CREATE VIEW purge (queue, last, step) AS SELECT '', 0, 0;

CREATE TRIGGER purge_step INSTEAD OF INSERT ON purge BEGIN
    DELETE FROM message WHERE seq IN (SELECT seq FROM ready WHERE queue = NEW.queue AND seq <= NEW.last LIMIT NEW.step);
    DELETE FROM ready WHERE changes() > 0 AND (queue, level, seq) IN (
        SELECT queue, level, seq FROM ready WHERE queue = NEW.queue AND seq <= NEW.last LIMIT NEW.step);
    DELETE FROM message WHERE seq IN (SELECT seq FROM delayed WHERE queue = NEW.queue AND seq <= NEW.last LIMIT NEW.step);
    DELETE FROM delayed WHERE changes() > 0 AND (queue, due, seq) IN (
        SELECT queue, due, seq FROM delayed WHERE queue = NEW.queue AND seq <= NEW.last LIMIT NEW.step);
END;

-- forget_dead: one bounded step of the retention of dead letters: those before `before`, and all but the newest `keep`.
CREATE VIEW forget_dead (before, keep, step) AS SELECT 0.0, 0, 0;

CREATE TRIGGER forget_dead_step INSTEAD OF INSERT ON forget_dead BEGIN
    DELETE FROM message WHERE seq IN (SELECT seq FROM dead WHERE at < NEW.before ORDER BY at, seq LIMIT NEW.step);
    DELETE FROM dead WHERE changes() > 0
        AND seq IN (SELECT seq FROM dead WHERE at < NEW.before ORDER BY at, seq LIMIT NEW.step);
    DELETE FROM message WHERE NEW.keep > 0
        AND seq IN (SELECT seq FROM dead ORDER BY at DESC, seq DESC LIMIT NEW.step OFFSET NEW.keep);
    DELETE FROM dead WHERE changes() > 0
        AND seq IN (SELECT seq FROM dead ORDER BY at DESC, seq DESC LIMIT NEW.step OFFSET NEW.keep);
END;

-- replay: a dead letter back to its queue, with fresh counters; body NULL: as it was.
CREATE VIEW replay (seq, body) AS SELECT 0, x'';

CREATE TRIGGER replay_one INSTEAD OF INSERT ON replay BEGIN
    DELETE FROM dead WHERE seq = NEW.seq;
    UPDATE message SET deaths = 0, verdict = '', redelivered = 0, parked = 0.0, due = 0.0, body = ifnull(NEW.body, body)
    WHERE seq = NEW.seq AND changes() = 1;
    INSERT INTO ready (queue, level, seq)
    SELECT queue, 19 - 2 * priority, seq FROM message WHERE seq = NEW.seq AND changes() = 1;
END;

-- strike: results out of a pack, with their keys.
--     seq, seen     the row and its meta, as it was read: a row that is another one by now stays as it is
--     meta, docs    what is left of it; meta NULL: nothing, the row goes
--     keys          of those that go, JSON array
CREATE VIEW strike (seq, seen, meta, docs, keys) AS SELECT 0, '', '', x'', '';

CREATE TRIGGER strike_some INSTEAD OF INSERT ON strike WHEN NEW.meta IS NOT NULL BEGIN
    UPDATE result SET meta = NEW.meta, docs = NEW.docs WHERE seq = NEW.seq AND meta = NEW.seen;
    DELETE FROM result_key WHERE changes() = 1 AND (era, hash, seq, place) IN (
        SELECT NEW.seq >> 13, value >> 10, NEW.seq, value & 1023 FROM json_each(NEW.keys));
END;

CREATE TRIGGER strike_all INSTEAD OF INSERT ON strike WHEN NEW.seq IS NOT NULL AND NEW.meta IS NULL BEGIN
    DELETE FROM result WHERE seq = NEW.seq AND meta = NEW.seen;
    DELETE FROM result_key WHERE changes() = 1 AND (era, hash, seq, place) IN (
        SELECT NEW.seq >> 13, value >> 10, NEW.seq, value & 1023 FROM json_each(NEW.keys));
END;
