"""The thread pool: functions run side by side on the threads of one child.

    child's loop    submit ----> run queue (SimpleQueue)
    threads                      take > attempt.run > ThreadGuard.call: arm -- function -- disarm > put
    keeper          interrupt: armed? then an asynchronous exception, both under the lock of the guard
                    abandon:   the attempt is nobody's any more; its thread ends after it, its slot with it

Threads are started when they are first needed. They are daemons: a deaf one does not keep the child from ending. Each
attempt runs in a context of its own, so that a context variable set by one task is not seen by the next.

Guarantee: an injected exception leaves through `ThreadGuard.call` or not at all, and what the function returned or
raised stands when it was already on its way. On failure: a function that is blocked in C (`time.sleep`, a lock, a
socket) hears nothing until that call returns; it is given up by `abandon`.
"""

from __future__ import annotations

import logging
import threading
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

from ... import clock
from ...exceptions import Interrupted
from ...outcome import Outcome
from ...pool import Attempt, OutcomeQueue
from .guard import ThreadGuard

UNWIND = 1.0
"""Seconds that `close` gives interrupted functions to clean up."""

_log = logging.getLogger("umbel.pool")


class ThreadPool:
    """N slots for functions. See the module."""

    def __init__(self, outcomes: OutcomeQueue, size: int) -> None:
        self._put = outcomes.put
        self._size = size  # slots that are not given up
        self._queue: SimpleQueue[ThreadGuard | None] = SimpleQueue()
        self._changed = threading.Condition()  # guards what follows; notified when an attempt is over
        self._guards: dict[int, ThreadGuard] = {}
        self._busy = 0  # submitted, outcome not put yet, not abandoned
        self._threads = 0
        self._closed = False

    def free(self) -> int:
        return 0 if self._closed else self._size - self._busy

    def submit(self, attempt: Attempt) -> None:
        """Hand it to a thread.

        Raises:
            TypeError: it is a coroutine attempt.
            RuntimeError: no slot is free, or the pool is closed.
        """
        if attempt.is_async:
            raise TypeError("The thread pool runs functions: give an `async def` task to the asyncio pool.")
        guard = ThreadGuard(attempt)
        with self._changed:
            if self._closed or self._busy >= self._size:
                raise RuntimeError("The thread pool has no free slot: ask free() before submit().")
            self._busy += 1
            self._guards[attempt.tag] = guard
            if self._busy > self._threads:
                self._threads += 1
                threading.Thread(target=self._work, name=f"umbel-task-{self._threads}", daemon=True).start()
        self._queue.put(guard)

    def interrupt(self, tag: int, error: BaseException) -> bool:
        guard = self._guards.get(tag)
        return guard is not None and guard.interrupt(error)

    def abandon(self, tag: int) -> bool:
        """Give up the thread that runs ``tag``: its outcome is discarded and its slot is not used again.

        Returns:
            False when nothing runs under that tag: its outcome was put or is being put.
        """
        with self._changed:
            if self._guards.pop(tag, None) is None:
                return False
            self._busy -= 1
            self._size -= 1
            self._threads -= 1
            self._changed.notify_all()
            return True

    def stalled(self, now: float) -> float:
        """0.0: threads do not wait for each other."""
        return 0.0

    def close(self, timeout: float) -> None:
        """Take nothing more, wait up to ``timeout`` seconds for what runs, then interrupt it and wait `UNWIND`."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
        if not self._wait_idle(timeout):
            for guard in list(self._guards.values()):
                guard.interrupt(Interrupted())
            self._wait_idle(UNWIND)
        for _ in range(self._threads):
            self._queue.put(None)

    def _wait_idle(self, timeout: float) -> bool:
        deadline = clock.monotonic() + timeout
        with self._changed:
            while self._busy and (left := deadline - clock.monotonic()) > 0:
                self._changed.wait(left)
            return self._busy == 0

    def _work(self) -> None:
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        """Run one attempt to its outcome; False when the thread has to end."""
        guard = self._queue.get()
        # The outcome stands in no variable here: the traceback of a failed function leads back to this frame, and a
        # frame that held the failure could be freed by the garbage collector only.
        return guard is not None and self._end(guard, self._outcome(guard))

    def _outcome(self, guard: ThreadGuard) -> Outcome | None:
        guard.thread = threading.get_ident()
        try:
            return copy_context().run(guard.attempt.run, guard)
        except BaseException:
            _log.exception("The attempt of message %d ended without an outcome: it stays held.", guard.attempt.tag)
            return None

    def _end(self, guard: ThreadGuard, outcome: Outcome | None) -> bool:
        """Put the outcome and free the slot; False when the attempt was given up meanwhile."""
        with self._changed:
            if self._guards.get(guard.attempt.tag) is not guard:
                return False
            del self._guards[guard.attempt.tag]
        if outcome is not None:
            self._put(outcome)
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()
        return True


def open_pool(outcomes: OutcomeQueue, size: int, *, context: dict[str, Any] | None = None) -> ThreadPool:
    """Open a thread pool; its threads start with the first attempts.

    Args:
        outcomes: where finished outcomes go; its `put` is called on the threads.
        size: slots, 1 or more.
        context: without effect, this pool has no options.

    Example:
        >>> from queue import SimpleQueue
        >>> pool = open_pool(SimpleQueue(), 10)
        >>> pool.free()
        10
        >>> pool.close(timeout=0.0)
    """
    return ThreadPool(outcomes, size)
