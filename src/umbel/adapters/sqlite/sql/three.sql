-- Layout 1.3: the view `one` also says whether somebody waits for a result, by one more change than it would have made
-- (five instead of four): so a consumer that settles one message does not have to ask, which is a read of its own.
--
-- Invariant: as of `one` and `turn`: when the message is not held by this owner under that claim number, nothing happens.
DROP TRIGGER one_ends;

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

-- one_more: the same, and a claim in the same step.
--     owner ... hash                as of `one`
--     number, queues, most, now     of the claim: its number, wanted queues (JSON array), most messages, unix time
CREATE VIEW one_more (owner, claim, seq, expires, meta, docs, hash, number, queues, most, now) AS
SELECT 0, 0, 0, 0.0, '', x'', 0, 0, '', 0, 0.0;

CREATE TRIGGER one_goes_on INSTEAD OF INSERT ON one_more BEGIN
    INSERT INTO one VALUES (NEW.owner, NEW.claim, NEW.seq, NEW.expires, NEW.meta, NEW.docs, NEW.hash);
    INSERT INTO turn VALUES (4, NEW.owner, NEW.number, NEW.queues, NEW.most, NEW.now);
END;
