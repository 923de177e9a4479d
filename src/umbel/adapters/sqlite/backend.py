"""Results: rows are appended, the reader decides which one counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ...clock import wall
from ...record import Record
from ...states import may_replace
from . import rows
from .address import Address
from .bells import Bell, ring_waiters
from .link import Link
from .statements import SQL

_STEP = 500


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
    """See `umbel.backend.Backend`."""

    __slots__ = ("_address", "_link")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link = Link(address)

    def store(self, records: Sequence[Record]) -> None:
        for start in range(0, len(records), _STEP):
            step = records[start : start + _STEP]
            self._link.write(*rows.store(step))
            ring_waiters(self._link, self._address.path, [record.id for record in step])

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        wanted = set(ids)
        found: dict[str, Record] = {}
        hashes = msgspec.json.encode([rows.hash_of(task_id) for task_id in wanted]).decode()
        for task_id, status, document, expires in self._link.read(SQL["results"], (hashes, wall())):
            if task_id not in wanted:
                continue
            stored = found.get(task_id)
            if may_replace(None if stored is None else stored.status, status):
                found[task_id] = Record(task_id, status, document, expires)
        return found

    def known(self, task_id: str) -> bool | None:
        if self._link.read(SQL["result_known"], (rows.hash_of(task_id), task_id, wall())):
            return True
        return bool(self._link.read(SQL["message_known"], (task_id,)))

    def forget(self, ids: Sequence[str]) -> None:
        pairs = [(rows.hash_of(task_id), task_id) for task_id in ids]
        self._link.write(SQL["forget"], (msgspec.json.encode(pairs).decode(),))

    def watch(self) -> SqliteWatch:
        return SqliteWatch(self._address, self._link)

    def close(self) -> None:
        self._link.close()
