"""The inline pool: an attempt runs at once, on the thread that submits it, which is the main thread of the child.

Overview: `submit` calls `attempt.run` and puts its outcome; there is no queue, no thread and no lock. The keeper,
another thread of the process, interrupts the function that runs by a signal to the main thread, so that `time.sleep`, a
lock, a socket or a subprocess gives way as well as a loop does.

    main thread    submit > attempt.run > call:  arm ---- function ---- disarm
    keeper                                interrupt: remember (run, error), SIGUSR1
    main thread                           handler: still the armed run? raise, else drop

Guarantee: the handler raises only between arming and disarming, and both stand inside the `try` of `call`. CPython runs
a signal handler where a function begins, where a loop jumps back and after a call has returned; from the return of the
function to the store that disarms there is no such place, on the normal path and on that of an exception. So the error
leaves through `call` or not at all. What is remembered is the attempt itself, not its tag, so a late signal cannot meet
a second run of the same message. An error is raised at most once; one that was not raised yet is replaced by the next.

The same places leave a gap: a signal that arrives after the last of them and before a blocking system call is looked at
when that call ends. So the interrupter sees whether its error was taken, and signals again until it was: the second
signal finds the thread inside the call.

On failure: where the function swallows the error (in ``__del__``, a callback of C code, its own ``except``) the next
`interrupt` raises again. Where it takes SIGUSR1 for itself it cannot be interrupted and is left to its hard limit.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from ...pool import Attempt, OutcomeQueue

PAUSES: Final = (0.0001, 0.0005, 0.002, 0.008, 0.016)
"""Seconds between two looks whether an error was taken; code that has not taken it by then does so when it returns."""


class _Guard:
    """Arms and disarms the function that runs. Written by the main thread, except for ``pending``."""

    __slots__ = ("armed", "attempt", "pending")

    def __init__(self) -> None:
        self.attempt: Attempt | None = None
        self.armed: Attempt | None = None
        self.pending: tuple[Attempt, BaseException] | None = None

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            self.armed = self.attempt
            return function(*args, **kwargs)
        finally:
            self.armed = None

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        pending, self.pending = self.pending, None
        if pending is not None and pending[0] is self.armed:
            try:
                raise pending[1]
            finally:
                del pending  # this frame is in the error's traceback: only the garbage collector could free both


class InlinePool:
    """One slot, on the main thread. See the module."""

    def __init__(self, outcomes: OutcomeQueue) -> None:
        self._put = outcomes.put
        self._guard = _Guard()
        self._thread = threading.get_ident()
        self._closed = False
        # It is never uninstalled: a signal that arrives after the last task must not end the process.
        signal.signal(signal.SIGUSR1, self._guard.on_signal)

    def free(self) -> int:
        return 0 if self._closed or self._guard.attempt is not None else 1

    def submit(self, attempt: Attempt) -> None:
        guard = self._guard
        guard.attempt = attempt
        try:
            self._put(attempt.run(guard))
        finally:
            guard.attempt = None

    def interrupt(self, tag: int, error: BaseException) -> bool:
        guard = self._guard
        armed = guard.armed
        if armed is None or armed.tag != tag:
            return False
        guard.pending = pending = (armed, error)
        for pause in PAUSES:
            signal.pthread_kill(self._thread, signal.SIGUSR1)
            time.sleep(pause)
            if guard.pending is not pending or guard.armed is not armed:
                break
        return True

    def abandon(self, tag: int) -> bool:
        """False: the main thread cannot be given up, a process that is deaf on it has to be replaced."""
        return False

    def stalled(self, now: float) -> float:
        """0.0: whoever asks from another thread sees a long task by its start time."""
        return 0.0

    def close(self, timeout: float) -> None:
        self._closed = True


def open_pool(outcomes: OutcomeQueue, size: int = 1, *, context: dict[str, Any] | None = None) -> InlinePool:
    """Open the inline pool and install its handler for SIGUSR1.

    Args:
        outcomes: where finished outcomes go.
        size: without effect, there is one slot.
        context: without effect, this pool has no options.

    Raises:
        RuntimeError: called on a thread that is not the main one; signals are handled there only.

    Example:
        >>> from queue import SimpleQueue
        >>> pool = open_pool(SimpleQueue())
        >>> pool.free()
        1
        >>> pool.close(timeout=0.0)
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("The inline pool interrupts functions by signals: open it on the main thread.")
    return InlinePool(outcomes)
