-- Writes a line of a schedule's history. KEYS: prefix. ARGV: scope, most moments of it, entry, term, who, line.
-- Returns: 1.
-- Invariant: a line of the history changes nothing else.
-- include: common
-- include: moments
relieve()
keep(ARGV[1], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[2])
return 1
