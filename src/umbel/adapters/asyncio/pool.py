"""The asyncio pool: coroutines run side by side on one event loop, in a thread of its own.

    child's loop    submit --> inbox --(call_soon_threadsafe, once for many)--> loop's thread: a Task an attempt
    loop's thread              attempt.arun > Run.acall: the user's coroutine, step by step > put
    keeper          interrupt: call_soon_threadsafe(Run.inject); stalled: a probe that the loop has to answer

Each attempt runs in its own copy of the context in which the pool was opened. Interrupting is done between two steps of
the loop, so it meets a coroutine at its await or not at all, and never the code around it.

On failure: a coroutine that blocks the loop (``while True``, a blocking call) hears nothing, and neither do its
neighbours. `stalled` tells for how long and `acting` whose code it is; the child is then replaced.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import deque
from typing import Any

from ...exceptions import Interrupted
from ...outcome import Outcome
from ...pool import Attempt, OutcomeQueue
from .run import Run

UNWIND = 1.0
"""Seconds that `close` gives interrupted coroutines to clean up, and the loop to end."""

_log = logging.getLogger("umbel.pool")


class AsyncioPool:
    """N slots for coroutines. See the module."""

    def __init__(self, outcomes: OutcomeQueue, size: int) -> None:
        self._put = outcomes.put
        self._size = size  # slots that are not given up
        self._submitted = 0  # written by the submitting thread
        self._ended = 0  # written by the loop's thread
        self._inbox: deque[Attempt] = deque()
        self._rung = False  # the loop has been told about the inbox and has not looked yet
        self._runs: dict[int, Run] = {}
        self._fate = threading.Lock()  # held while it is decided whether an attempt is abandoned or ends
        self._probed: float | None = None
        self._closed = False
        self.acting: Attempt | None = None  # whose code the loop executes now; its own and the runner's is nobody's
        self._context = contextvars.copy_context()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="umbel-loop", daemon=True)
        self._thread.start()

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
        self._submitted += 1
        self._inbox.append(attempt)
        if not self._rung:
            self._rung = True
            self._loop.call_soon_threadsafe(self._take, context=self._context)

    def interrupt(self, tag: int, error: BaseException) -> bool:
        run = self._runs.get(tag)
        if run is None or not run.armed:
            return False
        return self._call(run.inject, error)

    def abandon(self, tag: int) -> bool:
        """Give up an attempt that the loop cannot end: its outcome is discarded and its slot is not used again.

        Returns:
            False when nothing runs under that tag: its outcome was put or is being put.
        """
        with self._fate:
            return self._runs.pop(tag, None) is not None

    def stalled(self, now: float) -> float:
        """Seconds since the loop last turned while it has work, as far as it was asked.

        A call sends the loop a probe unless one is on its way; a loop that answered counts as 0.0. So whoever watches
        calls this regularly and sees a stall at most one period late.

        Args:
            now: the monotonic clock, in seconds.
        """
        probed = self._probed
        if probed is not None:
            return max(0.0, now - probed)
        if self._submitted > self._ended:
            self._probed = now
            self._call(self._answer)
        return 0.0

    def close(self, timeout: float) -> None:
        """Take nothing more, wait up to ``timeout`` seconds for what runs, then interrupt it and wait `UNWIND`."""
        if self._closed:
            return
        self._closed = True
        asyncio.run_coroutine_threadsafe(self._finish(timeout), self._loop)
        self._thread.join(timeout + 2 * UNWIND)

    def _call(self, function: Any, *args: Any) -> bool:
        try:
            self._loop.call_soon_threadsafe(function, *args, context=self._context)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        await self._stop.wait()

    def _take(self) -> None:
        self._rung = False  # first: what is appended from here on rings again
        inbox, loop = self._inbox, self._loop
        while inbox:
            attempt = inbox.popleft()
            run = self._runs[attempt.tag] = Run(attempt, self)
            run.task = loop.create_task(self._live(run))

    async def _live(self, run: Run) -> None:
        outcome = await self._outcome(run)
        tag = run.attempt.tag
        with self._fate:
            if self._runs.get(tag) is not run:
                return  # abandoned: the slot stays lost
            del self._runs[tag]
        if outcome is not None:
            self._put(outcome)
        self._ended += 1

    async def _outcome(self, run: Run) -> Outcome | None:
        try:
            return await run.attempt.arun(run)
        except BaseException:
            _log.exception("The attempt of message %d ended without an outcome: it stays held.", run.attempt.tag)
            return None

    def _answer(self) -> None:
        self._probed = None

    async def _finish(self, seconds: float) -> None:
        await self._settle(seconds)
        for run in list(self._runs.values()):
            run.inject(Interrupted())
        await self._settle(UNWIND)
        self._stop.set()

    async def _settle(self, seconds: float) -> None:
        tasks = [run.task for run in list(self._runs.values()) if run.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)


def open_pool(outcomes: OutcomeQueue, size: int, *, context: dict[str, Any] | None = None) -> AsyncioPool:
    """Open an asyncio pool and start the thread of its loop.

    Args:
        outcomes: where finished outcomes go; its `put` is called on the loop's thread.
        size: slots, 1 or more.
        context: without effect, this pool has no options.

    Example:
        >>> pool = open_pool(outcomes, 500)
        >>> pool.submit(attempt)
    """
    return AsyncioPool(outcomes, size)
