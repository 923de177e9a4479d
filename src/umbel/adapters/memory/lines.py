"""The lines in which messages wait: for each queue one of ready and one of delayed messages.

Both are heaps. A message that leaves its place by another way than the head of the line (deleted, revoked, purged) is
marked "gone" and stays in the heap until it comes up; then it is skipped.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable

from .entry import Entry


class Lines:
    """Who is next."""

    def __init__(self) -> None:
        self._ready: defaultdict[str, list[tuple[int, int, Entry]]] = defaultdict(list)
        self._delayed: defaultdict[str, list[tuple[float, int, Entry]]] = defaultdict(list)

    def join(self, entry: Entry) -> None:
        """Put a ready message at its own place (level, then age), a delayed one at its due time."""
        queue = entry.parcel.queue
        if entry.place == "ready":
            heapq.heappush(self._ready[queue], (entry.level, entry.tag, entry))
        else:
            heapq.heappush(self._delayed[queue], (entry.due, entry.tag, entry))

    def head(self, queue: str) -> Entry | None:
        """The message of a queue that is next, left where it is."""
        line = self._ready[queue]
        while line and line[0][2].gone:
            heapq.heappop(line)
        return line[0][2] if line else None

    def leave(self, entry: Entry) -> None:
        """Take the head of a line out of it."""
        heapq.heappop(self._ready[entry.parcel.queue])

    def next_due(self, queues: Iterable[str]) -> float:
        """Due time of the earliest delayed message of these queues, 0.0 when there is none."""
        return min((line[0][0] for queue in queues if (line := self._live_delayed(queue))), default=0.0)

    def promote(self, now: float) -> None:
        """Make every delayed message ready whose time has come."""
        for queue in list(self._delayed):
            while (line := self._live_delayed(queue)) and line[0][0] <= now:
                entry = heapq.heappop(line)[2]
                entry.place, entry.due = "ready", 0.0
                self.join(entry)

    def _live_delayed(self, queue: str) -> list[tuple[float, int, Entry]]:
        line = self._delayed[queue]
        while line and line[0][2].gone:
            heapq.heappop(line)
        return line
