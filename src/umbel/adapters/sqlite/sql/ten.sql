-- Layout 1.10: messages that members of joins send, where these are in another store (backend.Joining).
--
-- Invariant: as of layout 1.7: a letter is there from the step that ends the member until somebody says that it was sent.

-- Kind 12 of the view `act`: a letter.
--     id, at, priority, body     outbox, due, taken, kept
CREATE TRIGGER act_letter INSTEAD OF INSERT ON act WHEN NEW.kind = 12 BEGIN
    INSERT INTO letter (outbox, due, taken, kept) VALUES (NEW.id, NEW.at, NEW.priority, NEW.body);
END;
