"""A coordinator with its marks in one store and its messages in another: RabbitMQ, with results in Redis or SQLite.

    first    the messages, confirmed
    then     the marks and the history, in one step of the result store, refused under an old term

So a tick is sent at least once: a leader that dies between the two has sent what its follower sends again, under
the same id of the task, and says that it runs once. Workers claim it beside the results before they run it
(`worker/once`). Who was paused for longer than a lease is refused before it sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from .. import clock
from ..broker import Publisher
from ..coordinator import KEPT, Candidate, Coordinator, Lease, Moment, Standing, Tick

STALE: Final = 5.0
"""Seconds after the last renewal from which nothing is sent: less than a rival waits."""


class Relay:
    """See `coordinator.Coordinator`.

    Args:
        marks: of the result store.
        publisher: gives this thread's way into the broker.
    """

    def __init__(self, marks: Coordinator, publisher: Callable[[], Publisher]) -> None:
        self._marks = marks
        self._publisher = publisher
        self._renewed = clock.monotonic()

    def lead(self, candidate: Candidate, seen: Lease | None, at: float) -> Lease:
        """Of the result store."""
        began = clock.monotonic()
        lease = self._marks.lead(candidate, seen, at)
        if lease.leader == candidate.nonce:
            self._renewed = began
        return lease

    def resign(self, nonce: int) -> None:
        """Of the result store."""
        self._marks.resign(nonce)

    def fire(self, term: int, ticks: Sequence[Tick], *, deadline: float = 5.0) -> bool:
        """Look whether the step is still this one's, send, then note."""
        standing = self._marks.look()
        if clock.monotonic() - self._renewed > STALE or not _stands(standing, term, ticks):
            return False
        parcels = [parcel for tick in ticks for parcel in tick.parcels]
        if parcels:
            self._publisher().publish(parcels, deadline=deadline)
        return self._marks.fire(term, [msgspec.structs.replace(tick, parcels=()) for tick in ticks], deadline=deadline)

    def look(self) -> Standing:
        """Of the result store."""
        return self._marks.look()

    def history(self, entry: str | None = None, limit: int = KEPT) -> list[Moment]:
        """Of the result store."""
        return self._marks.history(entry, limit)

    def close(self) -> None:
        """Give the connection to the result store back; the publisher is the thread's."""
        self._marks.close()


def _stands(standing: Standing, term: int, ticks: Sequence[Tick]) -> bool:
    """Whether a step would be taken now."""
    lease = standing.lease
    if lease is None or lease.term != term or not lease.leader:
        return False
    at = {name: mark.nominal for name, mark in standing.marks.items()}
    for tick in ticks:
        if at.get(tick.entry, 0) != tick.before:
            return False
        at[tick.entry] = tick.nominal
    return True
