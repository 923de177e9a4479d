"""Stores whose calls are not one step."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.control import MemoryControl
from ...adapters.memory.publisher import MemoryPublisher
from ...adapters.memory.store import MemoryStore
from ...broker import Leave, Revocation, Turn, Want
from ...exceptions import StoreLocked
from ...message import Parcel
from ...outcome import Outcome
from ...record import Record
from .base import Broken

A_MOMENT = 0.002


class PublishedOver(Broken, breaks="test_publishers_at_once_lose_nothing"):
    """Looks where the end of the store is, and writes there a moment later, whatever is there by then."""

    class Publisher(MemoryPublisher):
        def publish(
            self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
        ) -> None:
            with self._store.lock:
                end = max(self._store.entries, default=0)
            if len(parcels) == 2:
                time.sleep(A_MOMENT)
            with self._store.lock:
                super().publish(parcels, deadline=deadline, limits=limits)
                for tag in [tag for tag in self._store.entries if end < tag <= max(self._store.entries) - len(parcels)]:
                    self._store.remove(self._store.entries[tag])


class MadeTwice(Broken, breaks="test_many_may_open_a_new_store_at_once"):
    """Refuses those who come while the first one still makes the store."""

    class Store(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.made, self.being_made = False, False

        def make(self) -> None:
            """The first one's work."""
            if self.being_made:
                raise StoreLocked("Somebody is making the store.")
            self.being_made = True
            time.sleep(A_MOMENT)
            self.being_made, self.made = False, True

    class Publisher(MemoryPublisher):
        def publish(
            self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
        ) -> None:
            assert isinstance(self._store, MadeTwice.Store)
            if not self._store.made and len(parcels) == 1:
                self._store.make()
            super().publish(parcels, deadline=deadline, limits=limits)


class SettledAndRescued(Broken, breaks="test_a_message_is_settled_or_rescued"):
    """Looks whether an outcome is welcome, and writes it a moment later."""

    class Consumer(MemoryConsumer):
        def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
            if len(outcomes) != 1 or not outcomes[0].parcels:
                return super().turn(outcomes, want)
            welcome = self.check(outcomes)[0]
            time.sleep(A_MOMENT)
            turn = super().turn(outcomes, want)
            if welcome and turn.fenced:
                turn.fenced = []
                with self._store.lock:
                    self._store.add(outcomes[0].parcels, 0.0)
            return turn


class RevokedAndClaimed(Broken, breaks="test_a_message_is_revoked_or_claimed"):
    """Looks what waits, and removes it a moment later, claimed or not."""

    class Control(MemoryControl):
        def revoke(
            self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
        ) -> list[str]:
            with self._store.lock:
                found = [e for e in self._store.entries_of({r.id for r in revocations}) if e.waits]
                waiting = {e.parcel.id for e in found if leave is None or not leave(e.parcel.body)}
            time.sleep(A_MOMENT)
            super().revoke(revocations, records, leave)
            return sorted(waiting)
