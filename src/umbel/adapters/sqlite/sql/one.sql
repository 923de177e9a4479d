-- Layout 1.1: one message that ends alone, as nearly all do whose functions take milliseconds: each is settled before the
-- next one starts. The views `turn` and `act` do the same for any number, but take twice as long for one (JSON arrays of
-- one number, rows of padding).
--
-- one: the message goes, its result comes.
--     owner, claim, seq     nonce, claim number, message
--     expires, meta, docs   a pack of one result (packs.py); meta NULL: it has none
--     hash                  of the result's id
-- Invariant: when the message is not held by this owner under that claim number, nothing happens ("umbel: fenced").
CREATE VIEW one (owner, claim, seq, expires, meta, docs, hash) AS SELECT 0, 0, 0, 0.0, '', x'', 0;

CREATE TRIGGER one_goes INSTEAD OF INSERT ON one WHEN NEW.meta IS NULL BEGIN
    DELETE FROM lease WHERE owner = NEW.owner AND claim = NEW.claim AND seq = NEW.seq;
    SELECT RAISE(ABORT, 'umbel: fenced') WHERE changes() = 0;
    DELETE FROM message WHERE seq = NEW.seq;
END;

CREATE TRIGGER one_ends INSTEAD OF INSERT ON one WHEN NEW.meta IS NOT NULL BEGIN
    DELETE FROM lease WHERE owner = NEW.owner AND claim = NEW.claim AND seq = NEW.seq;
    SELECT RAISE(ABORT, 'umbel: fenced') WHERE changes() = 0;
    DELETE FROM message WHERE seq = NEW.seq;
    INSERT INTO result (seq, count, expires, meta, docs)
    VALUES (ifnull((SELECT seq + count FROM result ORDER BY seq DESC LIMIT 1), 1), 1, NEW.expires, NEW.meta, NEW.docs);
    INSERT INTO result_key (era, hash, seq, place)
    VALUES (last_insert_rowid() >> 13, NEW.hash, last_insert_rowid(), 0);
END;
