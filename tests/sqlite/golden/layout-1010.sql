CREATE TABLE message (
    seq INTEGER PRIMARY KEY,                   -- ascending, microseconds since 2025 where the clock allows: never reused
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    id TEXT NOT NULL,                          -- task id, not unique
    name TEXT NOT NULL,
    due REAL NOT NULL,                         -- unix time, 0.0: at once
    stored REAL NOT NULL,                      -- unix time of arrival
    deaths INTEGER NOT NULL DEFAULT 0,         -- crashes counted against it
    verdict TEXT NOT NULL DEFAULT '',          -- it must not run: settle it as this failure
    redelivered INTEGER NOT NULL DEFAULT 0,
    parked REAL NOT NULL DEFAULT 0.0,          -- unix time of its first park, 0.0: never
    head BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE ready (
    queue TEXT NOT NULL, level INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (queue, level, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE delayed (
    queue TEXT NOT NULL, due REAL NOT NULL, seq INTEGER NOT NULL, level INTEGER NOT NULL,
    PRIMARY KEY (queue, due, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE lease (
    owner INTEGER NOT NULL, claim INTEGER NOT NULL, seq INTEGER NOT NULL,
    queue TEXT NOT NULL, level INTEGER NOT NULL,   -- its place, should it go back
    alone INTEGER NOT NULL,                        -- claimed alone, as a suspect
    early INTEGER NOT NULL DEFAULT 0,              -- early acknowledgement: a failure at the owner's death
    PRIMARY KEY (owner, claim, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;

CREATE INDEX dead_at ON dead (at, seq);

CREATE TABLE result (
    seq INTEGER PRIMARY KEY,                   -- number of its first result; the next row starts behind its last one
    count INTEGER NOT NULL,                    -- results that were written
    expires REAL NOT NULL,                     -- unix time, 0.0: never
    meta TEXT NOT NULL,                        -- JSON: who they are, how many bytes each document has
    docs BLOB NOT NULL                         -- the documents, one after another
) STRICT;

CREATE TABLE result_key (
    era INTEGER NOT NULL,                      -- seq >> 13
    hash INTEGER NOT NULL, seq INTEGER NOT NULL,
    place INTEGER NOT NULL,                    -- in the pack
    PRIMARY KEY (era, hash, seq, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE owner (
    nonce INTEGER PRIMARY KEY,                 -- also the byte of the .owners file that its process keeps locked
    node TEXT NOT NULL, pid INTEGER NOT NULL, role TEXT NOT NULL, since REAL NOT NULL, info TEXT NOT NULL
) STRICT;

CREATE TABLE missed (token INTEGER NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL) STRICT;

CREATE TABLE revocation (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL, terminate INTEGER NOT NULL, signal TEXT NOT NULL, expires REAL NOT NULL
) STRICT;

CREATE TABLE broadcast (
    number INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB NOT NULL, expires REAL NOT NULL
) STRICT;

CREATE TABLE reply (
    seq INTEGER PRIMARY KEY, ticket TEXT NOT NULL, payload BLOB NOT NULL, expires REAL NOT NULL
) STRICT;

CREATE INDEX reply_ticket ON reply (ticket);

CREATE TABLE waiter (
    key INTEGER NOT NULL, bell INTEGER NOT NULL, PRIMARY KEY (key, bell)
) STRICT, WITHOUT ROWID;

CREATE INDEX waiter_bell ON waiter (bell);

CREATE TRIGGER message_ready AFTER INSERT ON message WHEN NEW.due <= 0 BEGIN
    INSERT INTO ready (queue, level, seq)
    VALUES (NEW.queue, 19 - 2 * NEW.priority, NEW.seq);
END;

CREATE TRIGGER message_delayed AFTER INSERT ON message WHEN NEW.due > 0 BEGIN
    INSERT INTO delayed (queue, due, seq, level)
    VALUES (NEW.queue, NEW.due, NEW.seq, 19 - 2 * NEW.priority);
END;

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

CREATE VIEW taken (queue, level, seq) AS SELECT '', 0, 0;

CREATE TRIGGER taken_rows INSTEAD OF INSERT ON taken BEGIN
    DELETE FROM ready WHERE queue = NEW.queue AND level = NEW.level AND seq <= NEW.seq;
END;

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

CREATE TRIGGER act_limit INSTEAD OF INSERT ON act WHEN NEW.kind = 10 BEGIN
    SELECT RAISE(ABORT, 'umbel: queue full')
    WHERE (SELECT count(*) FROM (SELECT 1 FROM ready WHERE queue = NEW.queue LIMIT NEW.seq + 1)) > NEW.seq;
END;

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

CREATE VIEW purge (queue, last, step) AS SELECT '', 0, 0;

CREATE TRIGGER purge_step INSTEAD OF INSERT ON purge BEGIN
    DELETE FROM message WHERE seq IN (SELECT seq FROM ready WHERE queue = NEW.queue AND seq <= NEW.last LIMIT NEW.step);
    DELETE FROM ready WHERE changes() > 0 AND (queue, level, seq) IN (
        SELECT queue, level, seq FROM ready WHERE queue = NEW.queue AND seq <= NEW.last LIMIT NEW.step);
    DELETE FROM message WHERE seq IN (SELECT seq FROM delayed WHERE queue = NEW.queue AND seq <= NEW.last LIMIT NEW.step);
    DELETE FROM delayed WHERE changes() > 0 AND (queue, due, seq) IN (
        SELECT queue, due, seq FROM delayed WHERE queue = NEW.queue AND seq <= NEW.last LIMIT NEW.step);
END;

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

CREATE VIEW replay (seq, body) AS SELECT 0, x'';

CREATE TRIGGER replay_one INSTEAD OF INSERT ON replay BEGIN
    DELETE FROM dead WHERE seq = NEW.seq;
    UPDATE message SET deaths = 0, verdict = '', redelivered = 0, parked = 0.0, due = 0.0, body = ifnull(NEW.body, body)
    WHERE seq = NEW.seq AND changes() = 1;
    INSERT INTO ready (queue, level, seq)
    SELECT queue, 19 - 2 * priority, seq FROM message WHERE seq = NEW.seq AND changes() = 1;
END;

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

CREATE VIEW one (owner, claim, seq, expires, meta, docs, hash) AS SELECT 0, 0, 0, 0.0, '', x'', 0;

CREATE TRIGGER one_goes INSTEAD OF INSERT ON one WHEN NEW.meta IS NULL BEGIN
    DELETE FROM lease WHERE owner = NEW.owner AND claim = NEW.claim AND seq = NEW.seq;
    SELECT RAISE(ABORT, 'umbel: fenced') WHERE changes() = 0;
    DELETE FROM message WHERE seq = NEW.seq;
END;

CREATE TABLE joined (
    id TEXT PRIMARY KEY,
    noted INTEGER NOT NULL,                    -- members so far
    sent INTEGER NOT NULL,                     -- 1: all are there, its message was sent
    expires REAL NOT NULL                      -- unix time, 0.0: never
, more INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;

CREATE INDEX joined_expires ON joined (expires);

CREATE TABLE member (
    joined TEXT NOT NULL, id TEXT NOT NULL, place INTEGER NOT NULL, failed INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (joined, id)
) STRICT, WITHOUT ROWID;

CREATE VIEW joined_ends (joined, at, queue, id, name, priority, head, body, behind, instead, instead_behind) AS
SELECT '', 0.0, '', '', '', 0, x'', x'', x'', x'', x'';

CREATE TRIGGER one_ends INSTEAD OF INSERT ON one WHEN NEW.meta IS NOT NULL BEGIN
    DELETE FROM lease WHERE owner = NEW.owner AND claim = NEW.claim AND seq = NEW.seq;
    SELECT RAISE(ABORT, 'umbel: fenced') WHERE changes() = 0;
    DELETE FROM message WHERE seq = NEW.seq;
    INSERT INTO result (seq, count, expires, meta, docs)
    VALUES (ifnull((SELECT seq + count FROM result ORDER BY seq DESC LIMIT 1), 1), 1, NEW.expires, NEW.meta, NEW.docs);
    INSERT INTO result_key (era, hash, seq, place)
    VALUES (last_insert_rowid() >> 13, NEW.hash, last_insert_rowid(), 0);
    UPDATE waiter SET bell = bell WHERE (key, bell) = (SELECT key, bell FROM waiter LIMIT 1);
END;

CREATE VIEW one_more (owner, claim, seq, expires, meta, docs, hash, number, queues, most, now) AS
SELECT 0, 0, 0, 0.0, '', x'', 0, 0, '', 0, 0.0;

CREATE TRIGGER one_goes_on INSTEAD OF INSERT ON one_more BEGIN
    INSERT INTO one VALUES (NEW.owner, NEW.claim, NEW.seq, NEW.expires, NEW.meta, NEW.docs, NEW.hash);
    INSERT INTO turn VALUES (4, NEW.owner, NEW.number, NEW.queues, NEW.most, NEW.now);
END;

CREATE TABLE added (joined TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (joined, id)) STRICT, WITHOUT ROWID;

CREATE TRIGGER act_member INSTEAD OF INSERT ON act WHEN NEW.kind = 11 BEGIN
    INSERT OR IGNORE INTO joined (id, noted, sent, expires) VALUES (NEW.reason, 0, 0, NEW.v5);
    INSERT OR IGNORE INTO member (joined, id, place, failed, value)
    SELECT NEW.reason, NEW.detail, NEW.seq, NEW.owner, NEW.v4 FROM joined WHERE id = NEW.reason AND sent = 0;
    UPDATE joined SET noted = noted + 1 WHERE id = NEW.reason AND changes() = 1;
    INSERT OR IGNORE INTO added (joined, id)
    SELECT j.id, each.value FROM json_each(NEW.due) each CROSS JOIN joined j WHERE j.id = NEW.reason AND j.sent = 0;
    UPDATE joined SET more = more + changes() WHERE id = NEW.reason AND changes() > 0;
    INSERT INTO joined_ends
    SELECT NEW.reason, NEW.at, NEW.queue, NEW.id, NEW.name, NEW.priority, NEW.head, NEW.body, NEW.v1, NEW.v2, NEW.v3
    FROM joined WHERE id = NEW.reason AND sent = 0 AND noted >= NEW.held + more;
END;

CREATE TRIGGER joined_counts_no_more INSTEAD OF INSERT ON joined_ends BEGIN
    DELETE FROM added WHERE joined = NEW.joined;
END;

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

CREATE TABLE pace (
    name TEXT PRIMARY KEY,                     -- of the task
    line REAL NOT NULL,                        -- unix time from which on the next one in the line may start
    start REAL NOT NULL                        -- the same as those that did start have moved it
) STRICT, WITHOUT ROWID;

CREATE TABLE letter (
    ref INTEGER PRIMARY KEY AUTOINCREMENT,
    outbox TEXT NOT NULL,
    due REAL NOT NULL,                         -- unix time from which on anybody may take it
    taken INTEGER NOT NULL,                    -- number of the step that put it there, or took it last
    kept BLOB NOT NULL
) STRICT;

CREATE INDEX letter_due ON letter (outbox, due);

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

CREATE VIEW joined_leaves (at, queue, id, name, priority, head, body) AS SELECT 0.0, '', '', '', 0, x'', x'';

CREATE TRIGGER joined_leaves_here INSTEAD OF INSERT ON joined_leaves WHEN NEW.queue IS NOT NULL BEGIN
    INSERT INTO message (seq, queue, priority, id, name, due, stored, head, body)
    VALUES (max(CAST((NEW.at - 1735689600) * 1000000 AS INTEGER), ifnull((SELECT max(seq) FROM message), 0) + 1),
            NEW.queue, NEW.priority, NEW.id, NEW.name, 0.0, NEW.at, NEW.head, NEW.body);
END;

CREATE TRIGGER joined_leaves_elsewhere INSTEAD OF INSERT ON joined_leaves WHEN NEW.queue IS NULL BEGIN
    INSERT INTO letter (outbox, due, taken, kept) VALUES (NEW.id, NEW.at, NEW.priority, NEW.body);
END;

CREATE TABLE edition (
    scope TEXT PRIMARY KEY,
    number INTEGER NOT NULL                    -- grows with every change
) STRICT, WITHOUT ROWID;

CREATE TABLE override (
    scope TEXT NOT NULL, name TEXT NOT NULL,
    text TEXT NOT NULL,
    edition INTEGER NOT NULL,
    at REAL NOT NULL,                          -- unix time
    who TEXT NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE VIEW change (scope, name, text, seen, forget, entry, what, at, detail, node)
AS SELECT '', '', '', 0, 0, '', '', 0.0, '', '';

CREATE TRIGGER change_happens INSTEAD OF INSERT ON change BEGIN
    SELECT RAISE(ABORT, 'umbel: deposed')
    WHERE ifnull((SELECT edition FROM override WHERE scope = NEW.scope AND name = NEW.name), 0) <> NEW.seen;
    INSERT INTO edition (scope, number) VALUES (NEW.scope, 1) ON CONFLICT (scope) DO UPDATE SET number = number + 1;
    DELETE FROM override WHERE scope = NEW.scope AND name = NEW.name;
    INSERT INTO override (scope, name, text, edition, at, who)
    SELECT NEW.scope, NEW.name, NEW.text, number, NEW.at, NEW.node FROM edition
    WHERE scope = NEW.scope AND NEW.text IS NOT NULL;
    DELETE FROM mark WHERE NEW.forget AND scope = NEW.scope AND entry = NEW.name;
    DELETE FROM moment WHERE NEW.forget AND scope = NEW.scope AND entry = NEW.name;
    INSERT INTO moment (scope, entry, nominal, what, at, detail, node, term)
    VALUES (NEW.scope, NEW.entry, 0, NEW.what, NEW.at, NEW.detail, NEW.node, 0);
END;

CREATE TABLE claim (
    name TEXT PRIMARY KEY,                     -- task id, and which attempt it is
    owner INTEGER NOT NULL,                    -- nonce of who has it, 0: nobody
    token TEXT NOT NULL,                       -- of the delivery that he has
    state TEXT NOT NULL,                       -- held, loose, ended, passed
    expires REAL NOT NULL                      -- unix time at which it is forgotten
) STRICT, WITHOUT ROWID;

CREATE TRIGGER act_letter INSTEAD OF INSERT ON act WHEN NEW.kind = 12 BEGIN
    INSERT INTO letter (outbox, due, taken, kept) VALUES (NEW.id, NEW.at, NEW.priority, NEW.body);
END;
