"""The scheduler of a `worker -B`: two processes beside the worker's, because a worker forks and its supervisor waits.

    worker      forks the guard before it has threads or connections, and ends it when it ends
      guard     forks the scheduler, and another one when that died
        scheduler   a `Service`

A terminal's Ctrl-C reaches all of them: guard and scheduler leave it to the worker. When the worker was killed, the
guard sees within a second that its parent is another one, and the scheduler that its own is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final, NoReturn, Protocol

logger = logging.getLogger("umbel.beat")


class Living(Protocol):
    """What lives in the scheduler's process: a `Service`, or one of somebody else."""

    def install(self, *numbers: int) -> None:
        """Let these signals end it."""
        ...

    def run(self) -> int:
        """Send until stopped; returns the exit code."""
        ...


Make = Callable[[Callable[[], bool]], Living]
"""Makes it in its own process, out of what says whether to go on."""

LOOK: Final = 0.25
"""Seconds between two looks of the guard."""

PAUSE: Final = 1.0
"""Seconds before a scheduler that died is replaced."""

PATIENCE: Final = 10.0
"""Seconds in which the scheduler must end; then it is killed."""


@contextlib.contextmanager
def embedded(make: Make) -> Iterator[None]:
    """A scheduler lives for as long as the block.

    Args:
        make: makes it.
    """
    worker = os.getpid()
    guard = os.fork()
    if guard == 0:
        _Guard(make, worker).run()
    try:
        yield
    finally:
        if os.getpid() == worker:  # and not a process that was forked in the block
            with contextlib.suppress(ProcessLookupError, ChildProcessError):  # as process 1 it may be collected already
                os.kill(guard, signal.SIGTERM)
                os.waitpid(guard, 0)


class _Guard:
    def __init__(self, make: Make, worker: int) -> None:
        self._make = make
        self._worker = worker
        self._stopped = False

    def run(self) -> NoReturn:
        try:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, self._stop)
            while not self._over():
                child = os.fork()
                if child == 0:
                    self._schedule()
                status = self._wait(child)
                if not self._over():
                    logger.error("The scheduler of this worker ended with %d and is started again", status)
                    self._rest(PAUSE)
        finally:
            os._exit(0)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopped = True

    def _over(self) -> bool:
        return self._stopped or os.getppid() != self._worker

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._over() and time.monotonic() < until:
            time.sleep(LOOK)

    def _wait(self, child: int) -> int:
        """Until it has ended; ends it when this is over. Returns what its exit code is."""
        until = 0.0
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if self._over():
                until = until or time.monotonic() + PATIENCE
                os.kill(child, signal.SIGTERM if time.monotonic() < until else signal.SIGKILL)
            time.sleep(LOOK)

    def _schedule(self) -> NoReturn:
        code = os.EX_SOFTWARE
        try:
            guard = os.getppid()
            service = self._make(lambda: os.getppid() == guard)
            service.install(signal.SIGTERM)
            code = service.run()
        except BaseException as error:  # the guard says that it ended, this says why
            logger.critical("The scheduler of this worker failed: %s", error, exc_info=error)
        finally:
            os._exit(code)
