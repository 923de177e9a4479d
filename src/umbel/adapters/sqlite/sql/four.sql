-- Layout 1.4: members that are added to a join while it goes on (outcome.Member.adds).
--
-- Invariant: `more` of a join is the number of its rows in `added`; when its message is sent, they go in the same step.
ALTER TABLE joined ADD COLUMN more INTEGER NOT NULL DEFAULT 0;

CREATE TABLE added (joined TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (joined, id)) STRICT, WITHOUT ROWID;

-- Kind 11 of the view `act`: a member of a join, as in layout 1.2, and
--     due              ids of members that it knows of beyond the size, JSON array; NULL: none
DROP TRIGGER act_member;

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
