"""The reading side of the memory store: count, list, delete, replay."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec

from ... import clock
from ...broker import Item, Place, QueueCount
from .entry import Entry
from .store import MemoryStore


class MemoryShelf:
    """See `umbel.broker.Shelf`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def counts(self) -> list[QueueCount]:
        """Sizes of every queue that has a message, by name."""
        with self._store.lock:
            self._store.lines.promote(clock.wall())
            queues: defaultdict[str, list[Entry]] = defaultdict(list)
            for entry in self._store.entries.values():
                queues[entry.parcel.queue].append(entry)
            return [self._count(queue, queues[queue]) for queue in sorted(queues)]

    def items(self, place: Place, *, queue: str | None = None, after: int = 0, limit: int = 100) -> list[Item]:
        """Messages of one place, in pages."""
        with self._store.lock:
            self._store.lines.promote(clock.wall())
            entries = sorted(self._store.entries_in(place, queue), key=self._order)
            tags = [entry.tag for entry in entries]
            if after in tags:
                entries = entries[tags.index(after) + 1 :]
            else:  # it has moved on since the page before: only what is newer is surely new to the reader
                entries = [entry for entry in entries if entry.tag > after]
            return [self._item(entry) for entry in entries[:limit]]

    def find(self, task_id: str) -> list[Item]:
        """All stored messages of one task id."""
        with self._store.lock:
            self._store.lines.promote(clock.wall())
            return [self._item(entry) for entry in self._store.entries_of({task_id})]

    def delete(self, place: Place, tags: Sequence[int]) -> int:
        """Remove by tag what is in that place."""
        with self._store.lock:
            self._store.lines.promote(clock.wall())
            return self._remove([entry for entry in self._store.entries_in(place) if entry.tag in set(tags)])

    def purge(self, queue: str) -> int:
        """Remove all ready and delayed messages of a queue."""
        with self._store.lock:
            return self._remove(self._store.entries_in("ready", queue) + self._store.entries_in("delayed", queue))

    def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
        """Put dead letters back to their own place, with nothing counted against them."""
        if body is not None and len(tags) != 1:
            raise ValueError(f"A new body fits one dead letter and {len(tags)} were named: replay them one by one.")
        with self._store.lock:
            dead = [entry for entry in self._store.entries_in("dead") if entry.tag in set(tags)]
            for entry in dead:
                if body is not None:
                    entry.parcel = msgspec.structs.replace(entry.parcel, body=body)
                entry.deaths, entry.alone, entry.verdict, entry.redelivered = 0, False, "", False
                entry.reason, entry.detail, entry.died, entry.parked = "", "", 0.0, 0.0
                self._store.give_back(entry)
            return len(dead)

    def close(self) -> None:
        """Nothing to give back."""

    def _remove(self, entries: list[Entry]) -> int:
        for entry in entries:
            self._store.remove(entry)
        return len(entries)

    def _item(self, entry: Entry) -> Item:
        return entry.item(self._store.node(entry.owner))

    @classmethod
    def _order(cls, entry: Entry) -> tuple[float, int]:
        """As they would be taken: delayed ones by due time, dead ones by death, the others by level; then by age."""
        if entry.place == "delayed":
            return entry.due, entry.tag
        return (entry.died if entry.place == "dead" else entry.level), entry.tag

    @classmethod
    def _count(cls, queue: str, entries: list[Entry]) -> QueueCount:
        places = Counter(entry.place for entry in entries)
        return QueueCount(
            queue, places["ready"], places["delayed"], places["leased"], places["dead"],
            oldest=min((entry.stored for entry in entries if entry.place == "ready"), default=0.0),
        )  # fmt: skip
