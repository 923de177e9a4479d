"""The entries by the time at which they fire next."""

from __future__ import annotations

import heapq


class Heap:
    """Names by microseconds. A name that is put again has its new time; the old one is passed over."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._at: dict[str, int] = {}

    def put(self, name: str, at: int) -> None:
        """Fire at this time."""
        self._at[name] = at
        heapq.heappush(self._heap, (at, name))

    def remove(self, name: str) -> None:
        """It does not fire any more."""
        self._at.pop(name, None)

    def at(self, name: str) -> int | None:
        """When it fires, None when it does not."""
        return self._at.get(name)

    def first(self) -> int | None:
        """The earliest time."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: int, most: int) -> list[str]:
        """Take out names whose time has come, the earliest first."""
        found: list[str] = []
        while len(found) < most and (first := self.first()) is not None and first <= now:
            _, name = heapq.heappop(self._heap)
            del self._at[name]
            found.append(name)
        return found

    def __len__(self) -> int:
        return len(self._at)
