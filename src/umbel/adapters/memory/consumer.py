"""One owner's way into the memory store: settle what is finished, claim what is next, wait for work."""

from __future__ import annotations

from collections.abc import Sequence

from ... import clock
from ...broker import Owner, Turn, Want
from ...message import Delivery
from ...outcome import Bury, Hold, Outcome, Park, Release
from .bell import Bell
from .entry import Entry
from .store import MemoryStore


class MemoryConsumer:
    """See `umbel.broker.Consumer`."""

    def __init__(self, store: MemoryStore, owner: Owner) -> None:
        self._store = store
        self._nonce = owner.nonce
        self._bell = Bell()

    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        """Settle, then claim: one step under the lock."""
        with self._store.lock:
            now = clock.wall()
            self._store.lines.promote(now)
            refused = self._nonce not in self._store.living
            fenced = [outcome for outcome in outcomes if not self._settle(outcome, now)]
            return Turn(
                deliveries=[] if refused or want is None else self._claim(want),
                fenced=fenced,
                refused=refused,
                revision=self._store.notices.revision,
                next_due=self._store.lines.next_due(want.queues) if want else 0.0,
            )

    def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Which of these are still held under their claim number."""
        with self._store.lock:
            return [self._held(outcome.delivery) is not None for outcome in outcomes]

    def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
        """Sleep until work may be there, ``wake`` is readable, or ``timeout`` seconds passed."""
        with self._store.lock:
            now = clock.wall()
            self._store.lines.promote(now)
            if any(self._store.lines.head(queue) for queue in queues):
                return
            due = self._store.lines.next_due(queues)
            self._store.sleepers[self._bell] = frozenset(queues)
        try:
            self._bell.sleep(min(timeout, due - now) if due else timeout, wake)
        finally:
            with self._store.lock:
                self._store.sleepers.pop(self._bell, None)

    def close(self) -> None:
        """What is still held stays held by the owner."""
        with self._store.lock:
            self._store.sleepers.pop(self._bell, None)
            self._bell.close()

    def _held(self, delivery: Delivery) -> Entry | None:
        """The message, if this living owner holds it under that claim number."""
        entry = self._store.entries.get(delivery.tag)
        if entry is None or entry.place != "leased" or self._nonce not in self._store.living:
            return None
        return entry if (entry.owner, entry.claim) == (self._nonce, delivery.claim) else None

    def _settle(self, outcome: Outcome, now: float) -> bool:
        """Do everything that an outcome says, or nothing at all: False when it is fenced."""
        entry = self._held(outcome.delivery)
        if entry is None:
            return False
        if outcome.record is not None:
            self._store.results.keep(outcome.record, now)
        self._store.add(outcome.parcels, now)
        for member in outcome.members:
            parcel = self._store.joins.note(member)
            if parcel is not None:
                self._store.add((parcel,), now)
        self._move(entry, outcome, now)
        return True

    def _move(self, entry: Entry, outcome: Outcome, now: float) -> None:
        match outcome:
            case Hold():
                entry.held = True
            case Release():
                self._store.give_back(entry)
            case Park(due=due):
                entry.parked = entry.parked or now
                self._store.delay(entry, due)
            case Bury(reason=reason, detail=detail):
                self._store.bury(entry, reason, detail, now)
            case _:  # Done, Fail, Retry, Replace
                self._store.remove(entry)

    def _claim(self, want: Want) -> list[Delivery]:
        """The best queue's messages of its best priority, oldest first; a suspect before them, and alone."""
        lines = self._store.lines
        heads = [head for queue in want.queues if (head := lines.head(queue))]
        if not heads:
            return []
        first = self._first(heads)
        batch = [self._take(first)]
        while len(batch) < want.limit and not first.alone:
            following = lines.head(first.parcel.queue)
            if following is None or following.level != first.level:
                break
            batch.append(self._take(following))
        return batch

    def _first(self, heads: list[Entry]) -> Entry:
        """Among equals that of the first queue that was named."""
        return min(heads, key=lambda head: head.level)

    def _take(self, entry: Entry) -> Delivery:
        self._store.claim(entry, self._nonce)
        return entry.delivery()
