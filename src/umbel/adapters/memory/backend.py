"""The memory store as a result backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ... import clock
from ...backend import Letter
from ...message import Join, Parcel
from ...outcome import Member
from ...record import Record
from .bell import Bell
from .store import MemoryStore


class MemoryBackend:
    """See `umbel.backend.Backend` and `umbel.backend.Joining`."""

    notes_sizes = True

    def __init__(self, store: MemoryStore, watch: type[MemoryWatch] | None = None) -> None:
        self._store = store
        self._watch = watch or MemoryWatch

    def store(self, records: Sequence[Record]) -> None:
        """Keep these states."""
        with self._store.lock:
            for record in records:
                self._store.results.keep(record, clock.wall())

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        """The newest state of each id that has one."""
        with self._store.lock:
            now = clock.wall()
            return {task_id: record for task_id in ids if (record := self._store.results.get(task_id, now))}

    def known(self, task_id: str) -> bool:
        """Whether a result or a message of this task is here."""
        with self._store.lock:
            stored = self._store.results.get(task_id, clock.wall())
            return stored is not None or bool(self._store.entries_of({task_id}))

    def forget(self, ids: Sequence[str]) -> None:
        """Remove these results."""
        with self._store.lock:
            self._store.results.forget(ids)

    def watch(self) -> MemoryWatch:
        """A reader that waits."""
        return self._watch(self._store)

    def open_joins(self, joins: Sequence[Join], *, anew: bool) -> None:
        """Note the sizes of joins."""
        with self._store.lock:
            for join in joins:
                self._store.joins.open(join, anew=anew)

    def note_members(
        self, records: Sequence[Record], members: Sequence[Member], parcels: Sequence[Parcel], outbox: str, due: float
    ) -> list[Letter]:
        """Keep states, note members, and put what they send and what follows into the outbox: one step."""
        with self._store.lock:
            self.store(records)
            following = filter(None, map(self._store.joins.note, members))
            return [self._store.outboxes.put(outbox, parcel, due) for parcel in (*parcels, *following)]

    def take_letters(self, outbox: str, now: float, due: float) -> list[Letter]:
        """What should have been sent by now."""
        with self._store.lock:
            return self._store.outboxes.take(outbox, now, due)

    def drop_letters(self, outbox: str, refs: Sequence[int]) -> None:
        """These were sent."""
        with self._store.lock:
            self._store.outboxes.drop(outbox, refs)

    def close(self) -> None:
        """Nothing to give back."""


class MemoryWatch:
    """See `umbel.backend.Watch`. Its bell remembers a ring, so a result between `add` and `wait` is not missed."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._bell = Bell()
        self._ids: set[str] = set()
        with store.lock:
            store.results.watchers[self._bell] = self._ids

    def add(self, ids: Iterable[str]) -> None:
        """Subscribe to these task ids."""
        with self._store.lock:
            self._ids.update(ids)

    def discard(self, ids: Iterable[str]) -> None:
        """Not these any more."""
        with self._store.lock:
            self._ids.difference_update(ids)

    def wait(self, timeout: float, wake: int = -1) -> bool:
        """True when one of the ids may have a new state."""
        return self._bell.sleep(timeout, wake)

    def close(self) -> None:
        """Unsubscribe; safe to repeat."""
        with self._store.lock:
            self._store.results.watchers.pop(self._bell, None)
            self._bell.close()
