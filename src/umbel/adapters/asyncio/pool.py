"""The asyncio pool: coroutines run side by side on one event loop, in a thread of its own.

    child's loop     submit --> inbox --(one call to the loop for many)--> a loop task an attempt
    loop's thread               attempt.arun > CoroutineGuard.acall: the user's coroutine, step by step > put
    keeper           interrupt: handed to the loop, which throws at the await
                     stalled:   when did the loop last turn?     acting: whose code is it in?

Each attempt runs in its own copy of the context in which the pool was opened. Interrupting is done between two steps of
the loop, so it meets a coroutine at its await or not at all, and never the code around it.

On failure: a coroutine that blocks the loop (``while True``, a blocking call) hears nothing, and neither do its
neighbours. `stalled` tells for how long; `abandon` gives its attempt up, and the child is replaced.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from typing import Any

from ... import clock
from ...exceptions import Interrupted
from ...outcome import Outcome
from ...pool import Attempt, OutcomeQueue
from .guard import CoroutineGuard
from .loop import LoopThread

UNWIND = 1.0
"""Seconds that `close` gives interrupted coroutines to clean up, and then the loop to end."""
BEAT = 0.1
"""Seconds between two turns of a loop that has work and nothing to do."""

_log = logging.getLogger("umbel.pool")


class AsyncioPool:
    """N slots for coroutines. See the module."""

    def __init__(self, outcomes: OutcomeQueue, size: int) -> None:
        self._put = outcomes.put
        self._size = size
        self._submitted = 0  # written by the submitting thread
        self._ended = 0  # written by the loop's thread
        self._lost: list[CoroutineGuard] = []  # given up; kept because a loop does not keep its tasks
        self._inbox: deque[Attempt] = deque()
        self._rung = False  # the loop was told about the inbox and has not looked yet
        self._guards: dict[int, CoroutineGuard] = {}
        self._fate = threading.Lock()  # held while it is decided whether an attempt ends or is given up
        self._turned = 0.0  # monotonic
        self._beating = False
        self._closed = False
        self.acting: Attempt | None = None  # whose code the loop is in; None for its own, the runner's, and side tasks
        self._thread = LoopThread()

    def free(self) -> int:
        return 0 if self._closed else self._size - self._submitted + self._ended

    def submit(self, attempt: Attempt) -> None:
        """Hand it to the loop.

        Raises:
            TypeError: it is not a coroutine attempt.
            RuntimeError: no slot is free, or the pool is closed.
        """
        if not attempt.is_async:
            raise TypeError("The asyncio pool runs coroutines: give a `def` task to the inline or the thread pool.")
        if self.free() <= 0:
            raise RuntimeError("The asyncio pool has no free slot: ask free() before submit().")
        if not self._busy():
            self._turned = clock.monotonic()
        self._submitted += 1
        self._inbox.append(attempt)
        if not self._rung:
            self._rung = True
            self._thread.call(self._take)

    def interrupt(self, tag: int, error: BaseException) -> bool:
        guard = self._guards.get(tag)
        return guard is not None and guard.armed and self._thread.call(guard.inject, error)

    def abandon(self, tag: int) -> bool:
        """Give up an attempt: its outcome is discarded and its slot is not used again.

        Returns:
            False when nothing runs under that tag: its outcome was put or is being put.
        """
        with self._fate:
            guard = self._guards.pop(tag, None)
            if guard is None:
                return False
            self._lost.append(guard)
            return True

    def stalled(self, now: float) -> float:
        """Seconds since the loop last turned, 0.0 when it turns every `BEAT` or has nothing to run.

        Args:
            now: the monotonic clock, in seconds.
        """
        silent = now - self._turned
        return silent if silent > 2 * BEAT and self._busy() else 0.0

    def close(self, timeout: float) -> None:
        """Take nothing more, wait up to ``timeout`` seconds for what runs, then interrupt it and wait `UNWIND`."""
        if not self._closed:
            self._closed = True
            self._thread.end(self._finish(timeout), timeout + 2 * UNWIND)

    def _busy(self) -> bool:
        return self._submitted - self._ended > len(self._lost)

    def _take(self) -> None:
        self._rung = False  # first: whatever is appended from here on rings again
        inbox, loop = self._inbox, self._thread.loop
        while inbox:
            attempt = inbox.popleft()
            guard = self._guards[attempt.tag] = CoroutineGuard(attempt, self)
            guard.task = loop.create_task(self._live(guard))
        if not self._beating:
            self._beating = True
            self._beat()

    def _beat(self) -> None:
        self._turned = clock.monotonic()
        if self._busy():
            self._thread.loop.call_later(BEAT, self._beat)
        else:
            self._beating = False

    async def _live(self, guard: CoroutineGuard) -> None:
        # The outcome stands in no variable here: the traceback of a failed coroutine leads back to this frame, and a
        # frame that held the failure could be freed by the garbage collector only.
        try:
            self._end(guard, await guard.attempt.arun(guard))
        except BaseException:
            _log.exception("The attempt of message %d ended without an outcome: it stays held.", guard.attempt.tag)
            self._end(guard, None)

    def _end(self, guard: CoroutineGuard, outcome: Outcome | None) -> None:
        """Put the outcome and free the slot, unless the attempt was given up meanwhile."""
        tag = guard.attempt.tag
        with self._fate:
            if self._guards.get(tag) is not guard:
                return
            del self._guards[tag]
        if outcome is not None:
            self._put(outcome)
        self._ended += 1

    async def _finish(self, seconds: float) -> None:
        await self._settle(seconds)
        for guard in list(self._guards.values()):
            guard.inject(Interrupted())
        await self._settle(UNWIND)

    async def _settle(self, seconds: float) -> None:
        tasks = [guard.task for guard in list(self._guards.values()) if guard.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)


def open_pool(outcomes: OutcomeQueue, size: int, *, context: dict[str, Any] | None = None) -> AsyncioPool:
    """Open an asyncio pool and start the thread of its loop.

    Args:
        outcomes: where finished outcomes go; its `put` is called on the loop's thread.
        size: slots, 1 or more.
        context: without effect, this pool has no options.

    Example:
        >>> from queue import SimpleQueue
        >>> pool = open_pool(SimpleQueue(), 500)
        >>> pool.free()
        500
        >>> pool.close(timeout=0.0)
    """
    return AsyncioPool(outcomes, size)
