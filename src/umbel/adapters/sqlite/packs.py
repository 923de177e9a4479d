"""Results on their way into the file and out of it: what one step writes is one row, a pack. Pure: no I/O.

    expires   of all of them
    meta      JSON: [[id ...], [status ...], [bytes of its document ...]], in the order of writing; id null: forgotten
    docs      the documents, one after another
    keys      JSON array, ascending: hash of the id << 10 | place in the pack; they become the rows of `result_key`

A row, an index entry and a trigger for each result cost more than all the rest of a settle (measured, microseconds a
result: 3.2 one by one, 2.4 in packs, and 2.7 of it or 1.4 with the write lock of the file held).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from ...record import Record
from ...states import may_replace
from .values import hash_of

MOST: Final = 500
"""Results in one pack; ten bits hold a place."""

ROOM: Final = 16_384
"""Bytes of documents after which a pack is full: who reads one result reads its pack."""

_encode: Final = msgspec.json.Encoder().encode
_meta: Final = msgspec.json.Decoder(tuple[list[str | None], list[str], list[int]]).decode


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


def unpacked(seq: int, expires: float, meta: str, docs: bytes, places: Iterable[int] | None = None) -> Iterator[Entry]:
    """The results of one row that are not forgotten; only those in these places, if given."""
    ids, states, lengths = _meta(meta)
    starts = [0, *accumulate(lengths)]
    for place in range(len(ids)) if places is None else places:
        task_id = ids[place]
        if task_id is not None:
            start = starts[place]
            yield Entry(Record(task_id, states[place], docs[start : start + lengths[place]], expires), seq, place)


def without(meta: str, docs: bytes, places: Iterable[int]) -> tuple[str, bytes] | None:
    """Meta and documents with nothing in these places; None when nothing else is there."""
    ids, states, lengths = _meta(meta)
    for place in places:
        start = sum(lengths[:place])
        docs = docs[:start] + docs[start + lengths[place] :]
        ids[place], lengths[place] = None, 0
    return (_encode((ids, states, lengths)).decode(), docs) if any(each is not None for each in ids) else None


def keys_of(meta: str, places: Iterable[int] | None = None) -> str:
    """The keys of the results that are not forgotten; only those in these places, if given."""
    ids = _meta(meta)[0]
    chosen = range(len(ids)) if places is None else places
    keys = [hash_of(task_id) << 10 | place for place in chosen if (task_id := ids[place]) is not None]
    return _encode(keys).decode()


def standing(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Of each id the result that counts: `states.may_replace`, applied in the order in which they were written."""
    found: dict[str, Entry] = {}
    for entry in entries:
        stored = found.get(entry.record.id)
        if may_replace(None if stored is None else stored.record.status, entry.record.status):
            found[entry.record.id] = entry
    return found


def meta_of_one(record: Record) -> str:
    """The meta of a pack of one result; its only key is the hash of its id."""
    return _encode(((record.id,), (record.status,), (len(record.document),))).decode()


def _pack(records: Sequence[Record]) -> Pack:
    ids = [record.id for record in records]
    docs = [record.document for record in records]
    meta = _encode((ids, [record.status for record in records], list(map(len, docs)))).decode()
    keys = _encode(sorted([hash_of(task_id) << 10 | place for place, task_id in enumerate(ids)])).decode()
    return Pack(len(records), records[0].expires, meta, b"".join(docs), keys)
