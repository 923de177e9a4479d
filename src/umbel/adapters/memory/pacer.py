"""Rate limits of the memory store: one lock, and so each call is one step."""

from __future__ import annotations

from ... import clock
from ...pacing import stepped
from .store import MemoryStore


class MemoryPacer:
    """See `umbel.pacing.Pacer`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def reserve(self, name: str, seconds: float, *, again: bool = False) -> float:
        """Step into the line."""
        with self._store.lock:
            line, start = self._store.paces.get(name, (0.0, 0.0))
            line, start, wait = stepped(line, start, clock.monotonic(), seconds, again=again)
            self._store.paces[name] = line, start
            return wait

    def reset(self, name: str) -> None:
        """Begin anew."""
        with self._store.lock:
            self._store.paces.pop(name, None)

    def close(self) -> None:
        """Nothing is open."""
