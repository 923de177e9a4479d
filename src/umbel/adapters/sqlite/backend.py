"""Results: rows are appended, the reader decides which one counts (`states.may_replace`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ... import clock
from ...record import Record
from ...states import may_replace
from .address import Address
from .bells import Bell, ring_waiters
from .link import Link
from .statements import named
from .values import as_json, hash_of, inserted
from .withdrawal import STEP

_SQL: Final = named("result.sql")


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
        for start in range(0, len(records), STEP):
            step = records[start : start + STEP]
            rows = [(hash_of(each.id), each.id, each.status, each.document, each.expires) for each in step]
            self._link.write(*inserted(_SQL["store"], rows))
            ring_waiters(self._link, self._address.path, [record.id for record in step])

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        wanted = set(ids)
        found: dict[str, Record] = {}
        for task_id, status, document, expires in self._link.read(_SQL["results"], (as_json(map(hash_of, wanted)),)):
            stored = found.get(task_id)
            if task_id in wanted and may_replace(None if stored is None else stored.status, status):
                found[task_id] = Record(task_id, status, document, expires)
        now = clock.wall()
        return {task_id: record for task_id, record in found.items() if not 0 < record.expires <= now}

    def known(self, task_id: str) -> bool | None:
        return bool(self.fetch([task_id])) or bool(self._link.read(_SQL["message_known"], (task_id,)))

    def forget(self, ids: Sequence[str]) -> None:
        self._link.write(_SQL["forget"], (as_json((hash_of(task_id), task_id) for task_id in ids),))

    def watch(self) -> SqliteWatch:
        return SqliteWatch(self._address, self._link)

    def close(self) -> None:
        self._link.close()
