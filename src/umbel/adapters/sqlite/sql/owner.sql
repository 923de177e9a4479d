-- Living owners and the end of dead ones.
--
-- Invariant: leases and the owner's row go in one step; an owner without a row can claim nothing.

-- name: enlist
-- Arguments: nonce, node, pid, role, since, info as JSON.
INSERT INTO owner (nonce, node, pid, role, since, info) VALUES (?1, ?2, ?3, ?4, ?5, ?6)

-- name: owners
SELECT nonce, node, pid, role, since, info FROM owner ORDER BY since, nonce

-- name: owned
-- Arguments: nonce. How many messages it holds in each queue.
SELECT queue, count(*) FROM lease WHERE owner = ?1 GROUP BY queue

-- name: rescue
-- Arguments: owner, witness, started, verdicts, cause, poison (see triggers.sql).
INSERT INTO rescue (owner, witness, started, verdicts, cause, poison) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
