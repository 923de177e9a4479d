"""Results: packs are appended, the reader decides which result of an id counts (`packs.standing`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from ... import clock, ids
from ...backend import Letter
from ...message import Join, Parcel
from ...outcome import Member
from ...record import Record
from . import rows
from .address import Address
from .bells import Bell, ring_waiters
from .link import Link
from .packs import Entry, keys_of, standing, unpacked, without
from .statements import named
from .values import as_json, hash_of, padded
from .withdrawal import STEP

_SQL: Final = named("result.sql")
_LETTERS: Final = 100
"""Letters that are taken at once."""

_places: Final = msgspec.json.Decoder(list[int]).decode

Found = tuple[str, bytes, list[Entry]]
"""A pack as it was read: meta, documents, and those of its results that were asked for."""


def packs_of(link: Link, ids: Iterable[str]) -> list[Found]:
    """The packs that hold results of these ids, oldest first."""
    wanted = set(ids)
    found: list[Found] = []
    for seq, expires, meta, docs, places in link.read(_SQL["entries"], (as_json({hash_of(each) for each in wanted}),)):
        entries = [each for each in unpacked(seq, expires, meta, docs, _places(places)) if each.record.id in wanted]
        if entries:
            found.append((meta, docs, entries))
    return found


def strike(link: Link, found: Sequence[Found]) -> int:
    """Take these results out of their packs. A pack that somebody else changed since it was read stays.

    Returns:
        number of packs that changed.
    """
    struck: list[Sequence[Any]] = []
    for meta, docs, entries in found:
        places = {entry.place for entry in entries}
        struck.append((entries[0].seq, meta, *(without(meta, docs, places) or (None, None)), keys_of(meta, places)))
    return link.write(*padded(_SQL["strike"], struck))


class SqliteWatch:
    """See `umbel.backend.Watch`."""

    __slots__ = ("_bell",)

    def __init__(self, address: Address, link: Link) -> None:
        self._bell = Bell(address, link)

    def add(self, ids: Iterable[str]) -> None:
        self._bell.add(ids)

    def discard(self, ids: Iterable[str]) -> None:
        self._bell.discard(ids)

    def wait(self, timeout: float, wake: int = -1) -> bool:
        return self._bell.wait(timeout, wake)

    def close(self) -> None:
        self._bell.close()


class SqliteBackend:
    """See `umbel.backend.Backend` and `umbel.backend.Joining`."""

    __slots__ = ("_address", "_link")
    notes_sizes = False

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link = Link(address)

    def store(self, records: Sequence[Record]) -> None:
        for start in range(0, len(records), STEP):
            step = records[start : start + STEP]
            self._link.write(*rows.store(step))
            ring_waiters(self._link, self._address.path, [record.id for record in step])

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        found = standing(entry for _, _, entries in packs_of(self._link, ids) for entry in entries)
        now = clock.wall()
        return {task_id: entry.record for task_id, entry in found.items() if not 0 < entry.record.expires <= now}

    def known(self, task_id: str) -> bool | None:
        return bool(self.fetch([task_id])) or bool(self._link.read(_SQL["message_known"], (task_id,)))

    def forget(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), STEP):
            while found := packs_of(self._link, ids[start : start + STEP]):  # again when somebody else changed a pack
                strike(self._link, [(meta, docs, entries) for meta, docs, entries in found])

    def open_joins(self, joins: Sequence[Join], *, anew: bool) -> None:
        """Nothing: each member knows the size."""

    def note_members(
        self, records: Sequence[Record], members: Sequence[Member], parcels: Sequence[Parcel], outbox: str, due: float
    ) -> list[Letter]:
        number = ids.nonce()
        self._link.write(*rows.note(records, members, parcels, rows.Box(outbox, due, number)))
        ring_waiters(self._link, self._address.path, [record.id for record in records])
        return self._letters(number)

    def take_letters(self, outbox: str, now: float, due: float) -> list[Letter]:
        if not self._link.read(_SQL["overdue"], (outbox, now)):
            return []
        number = ids.nonce()
        self._link.write(_SQL["take"], (outbox, now, due, number, _LETTERS))
        return self._letters(number)

    def drop_letters(self, outbox: str, refs: Sequence[int]) -> None:
        self._link.write(_SQL["drop"], (as_json(refs),))

    def _letters(self, number: int) -> list[Letter]:
        return [Letter.read(ref, kept) for ref, kept in self._link.read(_SQL["letters"], (number,))]

    def watch(self) -> SqliteWatch:
        return SqliteWatch(self._address, self._link)

    def close(self) -> None:
        self._link.close()
