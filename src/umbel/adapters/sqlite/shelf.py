"""The reading side: lists, looks, removes by hand. Scans where a task never does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...broker import Item, Place, QueueCount
from ...message import Parcel
from .address import Address
from .link import Link
from .statements import named
from .values import as_json, inserted
from .wake import Ringer
from .withdrawal import STEP, withdraw

_SQL: Final = named("shelf.sql")


class SqliteShelf:
    """See `umbel.broker.Shelf`."""

    __slots__ = ("_link", "_ringer")

    def __init__(self, address: Address) -> None:
        self._link = Link(address)
        self._ringer = Ringer(address.path)

    def counts(self) -> list[QueueCount]:
        return [
            QueueCount(_text(queue), ready, delayed, leased, dead, oldest)
            for queue, ready, delayed, leased, dead, oldest in self._link.read(_SQL["counts"])
        ]

    def items(self, place: Place, *, queue: str | None = None, after: int = 0, limit: int = 100) -> list[Item]:
        rank: Any = None
        if after and place != "leased":
            found = self._link.read(_SQL[f"rank_{place}"], (after,))
            rank = found[0][0] if found else None
        return [_item(row) for row in self._link.read(_SQL[f"items_{place}"], (queue, after, rank, limit))]

    def find(self, task_id: str) -> list[Item]:
        return [_item(row) for row in self._link.read(_SQL["items_find"], (task_id,))]

    def delete(self, place: Place, tags: Sequence[int]) -> int:
        removed = 0
        for start in range(0, len(tags), STEP):
            wanted = as_json(set(tags[start : start + STEP]))
            seen = [row for row in self._link.read(_SQL["located"], (wanted,)) if row[0] == place]
            removed += len(withdraw(self._link, seen))
        return removed

    def purge(self, queue: str) -> int:
        last = self._link.read(_SQL["last"])[0][0]
        removed = 0
        while step := self._link.write(_SQL["purge"], (queue, last, STEP)):
            removed += step // 2
        return removed

    def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
        if body is not None and len(tags) != 1:
            raise ValueError("A new body is for one dead letter; name exactly one tag.")
        replayed = 0
        for start in range(0, len(tags), STEP):
            step = tags[start : start + STEP]
            replayed += self._link.write(*inserted(_SQL["replay"], [(tag, body) for tag in step])) // 3
        for count in self.counts() if replayed else ():
            self._ringer.ring(count.queue)
        return replayed

    def close(self) -> None:
        self._link.close()
        self._ringer.close()


def _item(row: tuple[Any, ...]) -> Item:
    place, seq, queue, task_id, name, head, body, priority, due, stored, node, deaths, reason, detail, died = row
    parcel = Parcel(_text(queue), _text(task_id), _text(name), head, body, priority, due)
    return Item(seq, place, parcel, stored, node, deaths, reason, detail, died)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
