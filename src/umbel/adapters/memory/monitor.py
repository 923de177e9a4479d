"""Events in the memory store: everybody who listens has a queue of his own; the oldest of a long one are dropped."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from ... import clock
from ...monitor import News
from ...utils.topic import fits
from .bell import Bell
from .store import MemoryStore

MOST: Final = 10_000
"""Messages that wait for one listener."""


class MemoryMonitor:
    """See `umbel.monitor.Monitor`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._bell: Bell | None = None
        self._pattern = ""
        self._told: deque[News] = deque(maxlen=MOST)

    def tell(self, news: Sequence[News]) -> bool:
        """Put them into the queue of everybody who wants them."""
        with self._store.lock:
            heard = [listener.take(news) for listener in self._store.audience]
            return any(heard)

    def take(self, news: Sequence[News]) -> bool:
        """For the one who tells: whether any of it is wanted here."""
        wanted = [one for one in news if fits(self._pattern, one.key)]
        self._told.extend(wanted)
        if wanted and self._bell is not None:
            self._bell.ring()
        return bool(wanted)

    def listen(self, pattern: str = "#") -> None:
        """Join the audience."""
        with self._store.lock:
            self._pattern = pattern
            self._bell = self._bell or Bell()
            self._store.audience.add(self)

    def hear(self, timeout: float, wake: int = -1) -> list[News]:
        """Empty the queue."""
        if self._bell is None:
            self.listen()
        deadline = clock.monotonic() + timeout
        while not (heard := self._taken()):
            assert self._bell is not None
            if not self._bell.sleep(deadline - clock.monotonic(), wake):
                return self._taken()
        return heard

    def close(self) -> None:
        """Leave the audience; safe to repeat."""
        with self._store.lock:
            self._store.audience.discard(self)
            if self._bell is not None:
                self._bell.close()
                self._bell = None

    def _taken(self) -> list[News]:
        with self._store.lock:
            heard = list(self._told)
            self._told.clear()
            return heard
