"""Which acknowledgements to send: one frame for a run of delivery tags that ends at the oldest that is still open.

The server numbers the deliveries of a channel from 1. ``basic.ack`` with ``multiple`` closes every open delivery up to
its tag, so it may be used as far as nothing below is open on our side.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable


class Open:
    """The delivery tags of one channel that are not acknowledged yet."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._heap: list[int] = []

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, tag: int) -> bool:
        return tag in self._open

    def add(self, tag: int) -> None:
        """The server has delivered it."""
        self._open.add(tag)
        heapq.heappush(self._heap, tag)

    def close(self, tags: Iterable[int]) -> list[tuple[int, bool]]:
        """Close these; returns the (tag, multiple) pairs to send.

        Example:
            >>> one = Open()
            >>> for tag in (1, 2, 3, 5): one.add(tag)
            >>> one.close([1, 2, 5]), one.close([3])
            ([(2, True), (5, False)], [(3, False)])
        """
        closing = {tag for tag in tags if tag in self._open}
        self._open -= closing
        while self._heap and self._heap[0] not in self._open:
            heapq.heappop(self._heap)
        oldest = self._heap[0] if self._heap else 0
        run = sorted(tag for tag in closing if not oldest or tag < oldest)
        single = sorted(tag for tag in closing if oldest and tag > oldest)
        pairs = [(run[-1], len(run) > 1)] if run else []
        return pairs + [(tag, False) for tag in single]
