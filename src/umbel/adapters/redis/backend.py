"""Results in Celery's keys: one document under ``celery-task-meta-<id>``, told on a channel of the same name.

A Celery client reads what is stored here and is woken by it, and the other way round. A state is kept by one script
that looks at the stored one first, so a SUCCESS that somebody else wrote meanwhile stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ... import clock
from ...backend import Letter
from ...exceptions import OperationalError
from ...message import Join, Parcel
from ...outcome import Member
from ...record import Record
from ...states import PENDING
from .address import Address
from .checks import look_over
from .joins import noted, sizes
from .keys import Keys
from .layout import Layout
from .link import Link
from .standing import note, standing
from .watch import RedisWatch
from .wire import Word

_STEP: Final = 250
"""Results of one script; so many hold the server for less than a millisecond."""

_BYTES: Final = 4 << 20
"""Bytes of documents after which a script is full; a larger one goes alone."""

_NOTED: Final = 3600
"""Seconds that a note lives which stands beside another program's document: it is needed for the next call only."""

_LARGEST: Final = 512 << 20
"""What Redis takes as one value."""

_LETTERS: Final = 100
"""Letters that are taken at once."""


def words(record: Record) -> tuple[Word, Word, Word, Word]:
    """A record as the four arguments that result_store.lua takes for it.

    Raises:
        OperationalError: Redis does not take a value of that size.
    """
    if len(record.document) > _LARGEST:
        raise OperationalError(
            f"The result of {record.id} is larger than 512 MB, the most that Redis takes; store it elsewhere and "
            "return a reference."
        )
    expires = math.ceil(record.expires * 1000)
    return record.document, record.status, expires, note(record.document, record.status)


def read_closely(link: Link, keys: Keys, ids: Iterable[str]) -> None:
    """Put a note beside what Celery stored compressed for these tasks; it counts for that very document only."""
    for task_id in ids:
        key, beside = keys.pair(task_id)
        document = link.call("GET", key, idempotent=True)
        if document is not None:
            said = note(document, standing(document, None) or PENDING)
            link.call("SET", beside, said, "EX", _NOTED, idempotent=True)


class RedisBackend:
    """See `umbel.backend.Backend` and `umbel.backend.Joining`.

    Args:
        address: of the server.
        ordered: the members of joins are kept by their places (Celery's ``result_chord_ordered``).
    """

    __slots__ = ("_address", "_keys", "_layout", "_link")
    notes_sizes = True

    def __init__(self, address: Address, *, ordered: bool = True) -> None:
        self._address = address
        self._keys = Keys(address.prefix)
        self._layout = Layout(address.prefix, ordered=ordered)
        self._link = Link(address)

    def store(self, records: Sequence[Record]) -> None:
        look_over(self._link, "results")
        for step in _steps(records):
            while step:
                keys = [key for record in step for key in self._keys.pair(record.id)]
                args = [word for record in step for word in words(record)]
                left = self._link.script("result_store", keys, args, idempotent=True)
                step = [step[place] for place in left]  # noqa: PLW2901 - those that have to come again
                read_closely(self._link, self._keys, [record.id for record in step])

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        found: dict[str, Record] = {}
        now = clock.wall()
        for start in range(0, len(ids), _STEP):
            step = ids[start : start + _STEP]
            keys = [key for task_id in step for key in self._keys.pair(task_id)]
            reply = self._link.script("result_fetch", keys, (), idempotent=True)
            for place, task_id in enumerate(step):
                document, at, beside = reply[place * 3 : place * 3 + 3]
                if document is not None and not 0 < at / 1000 <= now:
                    found[task_id] = Record(task_id, standing(document, beside), document, at / 1000)
        return found

    def known(self, task_id: str) -> bool | None:
        """True for a task that has a state; None otherwise: a Celery client may have sent it, which stores nothing."""
        return task_id in self.fetch([task_id]) or None

    def forget(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), _STEP):
            keys = [key for task_id in ids[start : start + _STEP] for key in self._keys.pair(task_id)]
            self._link.call("DEL", *keys, idempotent=True)

    def open_joins(self, joins: Sequence[Join], *, anew: bool) -> None:
        args = (int(anew), *sizes(joins, self._keys))
        self._link.script("join_open", (self._address.prefix,), args, idempotent=True)

    def note_members(
        self, records: Sequence[Record], members: Sequence[Member], parcels: Sequence[Parcel], outbox: str, due: float
    ) -> list[Letter]:
        look_over(self._link, "results")
        said = noted(members, self._layout, outbox, due)
        while True:
            args: list[Word] = [self._layout.separator, outbox, due, len(parcels), *map(Letter.head, parcels)]
            args.append(len(records))
            for record in records:
                args += (*self._keys.pair(record.id), *words(record))
            left, letters = self._link.script("join_note", (self._address.prefix,), [*args, *said], idempotent=True)
            if not left:
                return _letters(letters)
            read_closely(self._link, self._keys, [records[place].id for place in left])

    def take_letters(self, outbox: str, now: float, due: float) -> list[Letter]:
        args = (outbox, now, due, _LETTERS)
        return _letters(self._link.script("join_take", (self._address.prefix,), args, idempotent=True))

    def drop_letters(self, outbox: str, refs: Sequence[int]) -> None:
        letters, line = self._layout.own("letters"), self._layout.own(f"outbox:{outbox}")
        self._link.many([("HDEL", letters, *refs), ("ZREM", line, *refs)], idempotent=True)

    def watch(self) -> RedisWatch:
        return RedisWatch(self._address, self._keys.result)

    def close(self) -> None:
        self._link.close()


def _steps(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Records in their order, bounded by number and size."""
    step: list[Record] = []
    size = 0
    for record in records:
        if step and (len(step) == _STEP or size + len(record.document) > _BYTES):
            yield step
            step, size = [], 0
        step.append(record)
        size += len(record.document)
    if step:
        yield step


def _letters(found: Sequence[bytes]) -> list[Letter]:
    """The letters of a reply: a reference, and what was kept under it, each."""
    return [Letter.read(int(ref), kept) for ref, kept in zip(found[::2], found[1::2], strict=True)]
