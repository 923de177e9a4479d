-- Rate limits of all workers together: the line of a task name.
--
-- Invariant: each statement that writes is one whole transaction, and returns no row; a step that was reckoned from what
-- does not stand any more changes nothing.

-- name: pace
-- Arguments: name.
SELECT line, start FROM pace WHERE name = ?1

-- name: step
-- Arguments: name, the new line and start, and those that they were reckoned from (0, 0: there was no row).
INSERT INTO pace (name, line, start) VALUES (?1, ?2, ?3)
ON CONFLICT (name) DO UPDATE SET line = ?2, start = ?3 WHERE line = ?4 AND start = ?5

-- name: reset
-- Arguments: name.
DELETE FROM pace WHERE name = ?1
