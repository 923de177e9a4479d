"""Results on their way into the file and out of it: what one step writes is one row, a pack. Pure: no I/O.

    expires   of all of them
    meta      JSON array: [id, status, bytes of its document] for each result, in the order of writing; null: forgotten
    docs      the documents, one after another
    keys      JSON array, ascending: hash of the id << 10 | place in the pack; they become the rows of `result_key`

A row, an index entry and a trigger for each result cost more than all the rest of a settle (measured, microseconds a
result: 3.2 one by one, 2.4 in packs, and 2.7 of it or 1.4 with the write lock of the file held).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from ...record import Record
from ...states import may_replace
from .values import hash_of

MOST: Final = 500
"""Results in one pack; ten bits hold a place."""

ROOM: Final = 32_768
"""Bytes of documents after which a pack is full: who reads one result reads its pack."""

Meta = tuple[str, str, int] | None

_encode: Final = msgspec.json.Encoder().encode
_meta: Final = msgspec.json.Decoder(list[Meta]).decode


class Pack(NamedTuple):
    """The values of one row, as the view `turn` takes them."""

    size: int
    expires: float
    meta: str
    docs: bytes
    keys: str


class Entry(NamedTuple):
    """One stored result, and where it is."""

    record: Record
    seq: int
    place: int


def packed(records: Sequence[Record]) -> list[Pack]:
    """The packs for these results, in order; nearly always one or a few."""
    packs: list[Pack] = []
    start = held = 0
    for at, record in enumerate(records):
        if held >= ROOM or at - start == MOST or record.expires != records[start].expires:
            packs.append(_pack(records[start:at]))
            start, held = at, 0
        held += len(record.document)
    if records:
        packs.append(_pack(records[start:]))
    return packs


def unpacked(
    seq: int, expires: float, meta: str, docs: bytes, places: Collection[int] | None = None
) -> Iterator[Entry]:
    """The results of one row that are not forgotten; only those in these places, if given."""
    offset = 0
    for place, found in enumerate(_meta(meta)):
        if found is None:
            continue
        task_id, status, length = found
        if places is None or place in places:
            yield Entry(Record(task_id, status, docs[offset : offset + length], expires), seq, place)
        offset += length


def without(meta: str, docs: bytes, places: Collection[int]) -> tuple[str, bytes] | None:
    """Meta and documents with nothing in these places; None when nothing else is there."""
    kept: list[Meta] = []
    pieces: list[bytes] = []
    offset = 0
    for place, found in enumerate(_meta(meta)):
        length = 0 if found is None else found[2]
        if found is not None and place not in places:
            kept.append(found)
            pieces.append(docs[offset : offset + length])
        else:
            kept.append(None)
        offset += length
    return (_encode(kept).decode(), b"".join(pieces)) if any(kept) else None


def keys_of(meta: str, places: Collection[int] | None = None) -> str:
    """The keys of the results that are not forgotten; only those in these places, if given."""
    return _encode(
        [
            hash_of(found[0]) << 10 | place
            for place, found in enumerate(_meta(meta))
            if found is not None and (places is None or place in places)
        ]
    ).decode()


def standing(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Of each id the result that counts: `states.may_replace`, applied in the order in which they were written."""
    found: dict[str, Entry] = {}
    for entry in entries:
        stored = found.get(entry.record.id)
        if may_replace(None if stored is None else stored.record.status, entry.record.status):
            found[entry.record.id] = entry
    return found


def _pack(records: Sequence[Record]) -> Pack:
    meta = _encode([(record.id, record.status, len(record.document)) for record in records]).decode()
    keys = sorted([hash_of(record.id) << 10 | place for place, record in enumerate(records)])
    docs = b"".join([record.document for record in records])
    return Pack(len(records), records[0].expires, meta, docs, _encode(keys).decode())
