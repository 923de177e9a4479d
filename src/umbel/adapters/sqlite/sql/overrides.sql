-- What was changed of a schedule at run time; eight.sql has the rest.
--
-- Invariant: each statement that writes is one whole transaction, and returns no row.

-- name: edition
SELECT number FROM edition WHERE scope = ?1

-- name: all
SELECT name, text, edition, at, who FROM override WHERE scope = ?1 ORDER BY name

-- name: change
-- Arguments: scope, name, text or NULL, edition that was seen, whether to forget, and of the line: entry, what, at,
-- detail, node.
INSERT INTO change (scope, name, text, seen, forget, entry, what, at, detail, node)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)

-- name: note
INSERT INTO moment (scope, entry, nominal, what, at, detail, node, term) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
