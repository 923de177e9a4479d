"""Producers' part of the memory store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ... import clock
from ...exceptions import QueueFull
from ...message import Parcel
from .store import MemoryStore


class MemoryPublisher:
    """See `umbel.broker.Publisher`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def publish(
        self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
    ) -> None:
        """Store all parcels, or none and raise. Nothing here can wait, so ``deadline`` is always kept."""
        with self._store.lock:
            now = clock.wall()
            if limits:
                self._check_limits(parcels, limits, now)
            self._store.add(parcels, now)

    def close(self) -> None:
        """Nothing to give back."""

    def _check_limits(self, parcels: Sequence[Parcel], limits: dict[str, int], now: float) -> None:
        self._store.lines.promote(now)
        coming = Counter(parcel.queue for parcel in parcels if parcel.due <= now)
        for queue, more in coming.items():
            most = limits.get(queue)
            if most is None:
                continue
            waiting = len(self._store.entries_in("ready", queue))
            if waiting + more > most:
                raise QueueFull(
                    f"The queue {queue!r} holds {waiting} messages and may hold {most}, so {more} more were refused: "
                    f"start more workers, or raise task_queue_max_length for it."
                )
