"""The fetcher: decides what a child would take next, and from which queues.

Queues are named in rotation, so that equal priorities share fairly. A queue whose drawn task had no free slot of its
kind (function or coroutine) is left alone until such a slot is free.
"""

from __future__ import annotations

from ..broker import Want
from .options import WorkerOptions
from .pace import Pace


class Fetcher:
    """One child's.

    Args:
        options: the worker's.
        pace: measured task times.
    """

    def __init__(self, options: WorkerOptions, pace: Pace) -> None:
        self.queues = options.queues
        self.pace = pace
        self._turns = 0
        self._paused: dict[str, bool] = {}
        self._cap = options.prefetch_multiplier

    def pause(self, queue: str, is_async: bool) -> None:
        """A task of this kind came from `queue` and found no free slot."""
        self._paused[queue] = is_async

    def want(self, functions: int, coroutines: int, inline: bool) -> Want | None:
        """What to claim now, None for nothing.

        Args:
            functions: free slots for functions.
            coroutines: free slots for coroutines.
            inline: functions run in the loop itself, so a batch of short ones may be held.
        """
        limit = (self.pace.batch() if inline else functions) or (1 if coroutines else 0)
        if not limit:
            return None
        if self._cap:
            limit = min(limit, self._cap * max(1, functions))
        queues = self.queues
        if self._paused:
            free = {True: coroutines, False: functions}
            self._paused = {name: kind for name, kind in self._paused.items() if not free[kind]}
            queues = tuple(name for name in queues if name not in self._paused)
        if not queues:
            return None
        if len(queues) > 1:
            self._turns = (self._turns + 1) % len(queues)
            queues = queues[self._turns :] + queues[: self._turns]
        return Want(queues, limit)
