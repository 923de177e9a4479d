"""One attempt on one thread, and the guard under which its function runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ...pool import Attempt
from .injection import carrier, inject, withdraw


class ThreadGuard:
    """Arms, disarms and injects.

    Attributes:
        attempt: what is run.
        thread: identity of the thread that runs it, 0 before.
        armed: True while its function may be interrupted; written by that thread only.
        injected: the errors that were injected into this call of the function; used under the lock.
    """

    __slots__ = ("_lock", "armed", "attempt", "injected", "thread")

    def __init__(self, attempt: Attempt) -> None:
        self._lock = threading.Lock()  # held while armed is checked and an error injected, and while it is disarmed
        self.attempt = attempt
        self.thread = 0
        self.armed = False
        self.injected: list[BaseException] = []

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run the function so that it, and only it, can be interrupted.

        CPython raises an injected exception at its next check: where a function begins, where a loop jumps back, after
        a call has returned. From the return of the function to the store of False there is no check. The interrupter
        that has seen True before it has finished when the lock is ours, so nothing can come after that; what it left is
        raised right after `acquire`, and absorbed, or withdrawn. The lock is taken without a ``with`` because since
        CPython 3.14 an exception can be raised between the taking and the block, which would leave it locked.
        """
        try:
            self.armed = True
            return function(*args, **kwargs)
        finally:
            self.armed = False
            try:
                self._lock.acquire()
                withdraw(self.thread)
            except BaseException as error:
                if error not in self.injected:
                    raise
            finally:
                self.injected.clear()
                self._lock.release()

    def interrupt(self, error: BaseException) -> bool:
        """Inject into the function; False when it does not run (any more)."""
        with self._lock:
            if not self.armed:
                return False
            return inject(self.thread, carrier(error, self.injected))
