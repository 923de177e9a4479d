-- The whole store, version 1. Run once inside one transaction when the file is new.
--
-- Invariant: a row of `message` never moves; its state is the one small table that holds its seq:
--     ready      claimable, ordered by (queue, level, seq)
--     delayed    claimable from `due` on, ordered by (queue, due, seq)
--     lease      held by one owner under one claim number
--     dead       set aside for a person
-- and every row of these four has its message. (tests/sqlite/invariant.py checks it.)
--
-- level: (9 - priority) * 2 + 1, one less for a suspect, a message whose owner died with no witness. An even level is
-- claimed alone.

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

-- Results in packs: a row holds what one step wrote, up to 500 results (packs.py has the form). Appended only; which result
-- of an id counts is decided by its readers (states.may_replace).
CREATE TABLE result (
    seq INTEGER PRIMARY KEY,                   -- number of its first result; the next row starts behind its last one
    count INTEGER NOT NULL,                    -- results that were written
    expires REAL NOT NULL,                     -- unix time, 0.0: never
    meta TEXT NOT NULL,                        -- JSON: who they are, how many bytes each document has
    docs BLOB NOT NULL                         -- the documents, one after another
) STRICT;

-- Where the results of an id are, by a 32-bit hash of it. An index on random values dirties a page a row, so this is one
-- index for each 8,192 results ("era"): the newest is small and stays dirty, a reader looks into all of them.
CREATE TABLE result_key (
    era INTEGER NOT NULL,                      -- seq >> 13
    hash INTEGER NOT NULL, seq INTEGER NOT NULL,
    place INTEGER NOT NULL,                    -- in the pack
    PRIMARY KEY (era, hash, seq, place)
) STRICT, WITHOUT ROWID;

-- Living owners. A row is removed by retire and rescue only, and never comes back.
CREATE TABLE owner (
    nonce INTEGER PRIMARY KEY,                 -- also the byte of the .owners file that its process keeps locked
    node TEXT NOT NULL, pid INTEGER NOT NULL, role TEXT NOT NULL, since REAL NOT NULL, info TEXT NOT NULL
) STRICT;

-- Removals by hand that missed; emptied by whoever wrote them, in the call that wrote them.
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

-- Who is to be woken (by a byte into its FIFO) when something is written under a key: hash of a task id or topic.
CREATE TABLE waiter (
    key INTEGER NOT NULL, bell INTEGER NOT NULL, PRIMARY KEY (key, bell)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiter_bell ON waiter (bell);
