-- Layout 1.9: claims of messages that run once although their broker may hold them twice (claims.py).
--
-- Invariant: a row goes to another owner only from the owner and the token that its writer has read, so two never get
-- one message.
CREATE TABLE claim (
    name TEXT PRIMARY KEY,                     -- task id, and which attempt it is
    owner INTEGER NOT NULL,                    -- nonce of who has it, 0: nobody
    token TEXT NOT NULL,                       -- of the delivery that he has
    state TEXT NOT NULL,                       -- held, loose, ended, passed
    expires REAL NOT NULL                      -- unix time at which it is forgotten
) STRICT, WITHOUT ROWID;
