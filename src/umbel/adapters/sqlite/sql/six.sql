-- Layout 1.6: rate limits that all workers of a task keep together (pacer.py).
--
-- Invariant: a row moves only from what its writer has read, so two steps into a line never get one place.
CREATE TABLE pace (
    name TEXT PRIMARY KEY,                     -- of the task
    line REAL NOT NULL,                        -- unix time from which on the next one in the line may start
    start REAL NOT NULL                        -- the same as those that did start have moved it
) STRICT, WITHOUT ROWID;
