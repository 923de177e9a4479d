"""What must hold in every file at every moment, checked from outside of the package's own code."""

from __future__ import annotations

import json

import apsw

from umbel.adapters.sqlite import packs
from umbel.adapters.sqlite.values import hash_of

PLACES = ("ready", "delayed", "lease", "dead")


def faults(path):
    """Sentences about what is wrong in the file; none when it is sound."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        return list(_faults(connection))
    finally:
        connection.close()


def _faults(connection):
    def rows(sql):
        return connection.execute(sql).fetchall()

    with connection:  # one snapshot
        everywhere = " UNION ALL ".join(f"SELECT '{place}' AS place, seq FROM {place}" for place in PLACES)
        for seq, places in rows(
            f"SELECT m.seq, group_concat(p.place) FROM message m LEFT JOIN ({everywhere}) p ON p.seq = m.seq "
            "GROUP BY m.seq HAVING count(p.place) <> 1"
        ):
            yield f"message {seq} is in {places or 'no place'}"
        for place in PLACES:
            for (seq,) in rows(f"SELECT seq FROM {place} WHERE seq NOT IN (SELECT seq FROM message)"):
                yield f"{place} names {seq}, which has no message"
        for place in PLACES[:3]:
            for (seq,) in rows(
                f"SELECT p.seq FROM {place} p JOIN message m ON m.seq = p.seq WHERE p.queue <> m.queue "
                "OR p.level NOT IN (19 - 2 * m.priority, 18 - 2 * m.priority)"
            ):
                yield f"{place} has {seq} in another queue or at another level than its message's"
        for (seq,) in rows("SELECT seq FROM lease WHERE alone <> 1 - (level & 1)"):
            yield f"the lease of {seq} is alone and not a suspect's, or the other way round"
        for (owner,) in rows("SELECT DISTINCT owner FROM lease WHERE owner NOT IN (SELECT nonce FROM owner)"):
            yield f"owner {owner} holds messages, but is not enlisted"
        for (join,) in rows(
            "SELECT j.id FROM joined j LEFT JOIN member m ON m.joined = j.id GROUP BY j.id "
            "HAVING count(m.id) <> iif(j.sent, 0, j.noted)"
        ):
            yield f"the join {join} has another number of members than it has noted"
        yield from _faults_of_packs(rows)
        yield from (report for (report,) in rows("PRAGMA integrity_check") if report != "ok")


def _faults_of_packs(rows):
    """Every result that is there has its key and nothing else has one, and packs do not overlap."""
    there = set()
    end = 0
    for seq, count, expires, meta, docs in rows("SELECT seq, count, expires, meta, docs FROM result ORDER BY seq"):
        ids, states, lengths = json.loads(meta)
        if not len(ids) == len(states) == len(lengths) == count or sum(lengths) != len(docs):
            yield f"the pack {seq} is not what its meta says"
        if seq < end:
            yield f"the pack {seq} begins inside the one before"
        end = seq + count
        alive = list(packs.unpacked(seq, expires, meta, docs))
        if not alive:
            yield f"the pack {seq} is empty and still there"
        there |= {(seq >> 13, hash_of(entry.record.id), seq, entry.place) for entry in alive}
    keys = set(rows("SELECT era, hash, seq, place FROM result_key"))
    yield from (f"the result {place} of pack {seq} has no key" for _, _, seq, place in there - keys)
    yield from (
        f"a key names the result {place} of pack {seq}, which is not there" for _, _, seq, place in keys - there
    )
