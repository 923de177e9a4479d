-- One crawl. The scheduler writes crawl, site and url; the storage nodes write page, link, error, node and page_text.
--
-- The states of a URL:
--
--     far --(shorter way found)--> queued --> given --> fetched
--                                    |           \----> failed --(a duplicate succeeded)--> fetched
--                                    |--> refused      robots.txt forbids it
--                                    \--> left         the crawl has its pages
--
-- Invariant: tally holds, for each state, the number of rows of url in it.

CREATE TABLE crawl (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    plan     TEXT NOT NULL,                     -- JSON of plan.Plan
    round    INTEGER NOT NULL,                  -- times that somebody asked for it; a crawl can be gone on with
    begun    INTEGER NOT NULL DEFAULT 0         -- the round that the scheduler has begun
);

CREATE TABLE site (
    site     TEXT PRIMARY KEY,                  -- scheme://host[:port]
    state    TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'asked', 'known')),
    robots   TEXT NOT NULL DEFAULT '',          -- its robots.txt, once known
    given_to TEXT,                              -- id of the scheduler's message that asked for it
    next_at  REAL NOT NULL DEFAULT 0            -- unix time before which no further page is to be fetched
) WITHOUT ROWID;

CREATE TABLE url (
    id       INTEGER PRIMARY KEY,
    url      TEXT NOT NULL UNIQUE,
    site     TEXT NOT NULL,
    depth    INTEGER NOT NULL,                  -- fewest links from the start
    hops     INTEGER NOT NULL,                  -- redirects that led here
    state    TEXT NOT NULL CHECK (state IN ('far', 'queued', 'given', 'fetched', 'failed', 'refused', 'left')),
    due      REAL NOT NULL DEFAULT 0,           -- unix time from which it may be fetched
    given_to TEXT,                              -- id of the scheduler's message that handed it out
    given    INTEGER NOT NULL DEFAULT 0         -- times it was handed out
);
CREATE INDEX url_queued ON url (site, depth, id) WHERE state = 'queued';
CREATE INDEX url_given ON url (site) WHERE state = 'given';
CREATE INDEX url_given_to ON url (given_to) WHERE state = 'given';

CREATE TABLE tally (state TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO tally (state, n)
VALUES ('far', 0), ('queued', 0), ('given', 0), ('fetched', 0), ('failed', 0), ('refused', 0), ('left', 0);

CREATE TRIGGER url_counted AFTER INSERT ON url BEGIN
    UPDATE tally SET n = n + 1 WHERE state = new.state;
END;
CREATE TRIGGER url_recounted AFTER UPDATE OF state ON url WHEN new.state <> old.state BEGIN
    UPDATE tally SET n = n - 1 WHERE state = old.state;
    UPDATE tally SET n = n + 1 WHERE state = new.state;
END;

CREATE TABLE page (
    id        INTEGER PRIMARY KEY,
    url       TEXT NOT NULL UNIQUE,
    status    INTEGER NOT NULL,
    kind      TEXT NOT NULL,                    -- media type
    title     TEXT NOT NULL,
    size      INTEGER NOT NULL,                 -- bytes of the body
    seconds   REAL NOT NULL,                    -- from the request to the last byte
    at        REAL NOT NULL,                    -- unix time of the request
    worker    TEXT NOT NULL,                    -- node that fetched it
    attempts  INTEGER NOT NULL,
    again     INTEGER NOT NULL,                 -- 1: fetched again after its first node was lost
    moved_to  TEXT NOT NULL,                    -- target of a redirect
    broken    INTEGER NOT NULL                  -- 1: the page says that there is nothing (plan.error_title)
);
CREATE INDEX page_seconds ON page (seconds);
CREATE INDEX page_broken ON page (url) WHERE broken;

CREATE TABLE link (
    source   TEXT NOT NULL,
    target   TEXT NOT NULL,
    PRIMARY KEY (source, target)
) WITHOUT ROWID;
CREATE INDEX link_target ON link (target, source);

CREATE TABLE error (
    url      TEXT PRIMARY KEY,
    status   INTEGER NOT NULL,                  -- 0 when there was no answer
    reason   TEXT NOT NULL,
    at       REAL NOT NULL,
    worker   TEXT NOT NULL,
    attempts INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE node (
    worker   TEXT PRIMARY KEY,
    pages    INTEGER NOT NULL,
    errors   INTEGER NOT NULL,
    last     REAL NOT NULL                      -- unix time of its last report
) WITHOUT ROWID;

CREATE VIRTUAL TABLE page_text USING fts5 (title, text, tokenize = 'unicode61 remove_diacritics 2'); -- rowid = page.id
