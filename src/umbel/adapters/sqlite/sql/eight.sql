-- Layout 1.8: what was changed of a schedule at run time (coordinator.py, Overrides).
--
-- Invariant: a row moves only from the edition that its writer has read, and each change has an edition of its own; a
-- statement that does not fit does nothing ("umbel: deposed").
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

-- change: one override, written or removed (text NULL), and its line of the history.
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
