"""The channels between the threads of a child: run queue and outcome queue.

    loop (main thread) --run queue--> itself and the pools        the keeper may take unstarted work from the far end
    pools, loop        --outcomes---> loop or keeper              whoever takes an outcome settles it; what a store that
                                                                  takes nothing new cannot settle waits aside

Both are deques whose single operations are atomic, so no lock is held by anybody, and a message is always in exactly
one hand. `wake` is a pipe that ends the loop's sleep when an outcome comes from another thread.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
from collections import deque
from collections.abc import Iterable
from typing import Final

from .. import clock
from ..message import Delivery
from ..outcome import Outcome

UNBOUNDED = 10_000
"""Most outcomes in one settle."""

AGAIN: Final = 0.5
"""Seconds after which outcomes are tried again that wait for a store that takes nothing new."""


class Wake:
    """A pipe that ends a sleep. `ring` may be called from any thread; `clear` by the sleeper."""

    fd = _write = -1

    def __init__(self) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()
        self._rung = False

    def __del__(self) -> None:
        """Nobody holds it any more, so nobody rings a number that means another file by then."""
        if self.fd >= 0:
            os.close(self.fd)
            os.close(self._write)

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"!")
        self._rung = True  # after the byte: whoever sees it finds the byte

    def clear(self) -> None:
        if self._rung:  # a read that finds nothing costs an exception, on the way from a wake-up to the task
            self.drain()

    def drain(self) -> None:
        """For a sleeper that knows that there is a byte: who wrote it may not have said so yet."""
        self._rung = False
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 4096)

    def sleep(self, timeout: float) -> None:
        """Sleep until somebody rings, at most ``timeout`` seconds."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        poll.poll(math.ceil(timeout * 1000))


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write


class Outcomes:
    """Finished outcomes on their way to a settler. As a truth value: whether one can be tried now.

    Attributes:
        again: monotonic moment at which those that wait are tried again, 0.0 while none waits.
    """

    def __init__(self) -> None:
        self._items: deque[Outcome] = deque()
        self._waiting: deque[Outcome] = deque()
        self._deferred: set[int] = set()
        self._given_up = False
        self.again = 0.0
        self.put = self._items.append
        self.extend = self._items.extend
        self.sleeping = False
        self.wake = Wake()

    def __len__(self) -> int:
        """All of them, those that wait too."""
        return len(self._items) + len(self._waiting)

    def __bool__(self) -> bool:
        return bool(self._items) or (self.again > 0.0 and clock.monotonic() >= self.again)

    def post(self, outcome: Outcome) -> None:
        """Put, from a thread that is not the loop; the loop is woken if it sleeps (it says so, then looks again)."""
        self._items.append(outcome)
        if self.sleeping:
            self.wake.ring()

    def take(self) -> list[Outcome]:
        """Everything that can be tried now; nobody else has it from here on. What waits goes with what is new."""
        taken: list[Outcome] = []
        if not self:
            return taken
        if self.again:
            self.again = 0.0
            with contextlib.suppress(IndexError):
                while len(taken) < UNBOUNDED:
                    taken.append(self._waiting.popleft())
        items = self._items
        with contextlib.suppress(IndexError):
            while len(taken) < UNBOUNDED:
                taken.append(items.popleft())
        return taken

    def defer(self, outcomes: Iterable[Outcome]) -> bool:
        """These wait for a store that takes nothing new; True when nothing had waited before.

        They are dropped once `give_up` was called: the store gives their messages to others.
        """
        first = not self._deferred
        for outcome in outcomes:
            self._deferred.add(outcome.delivery.tag)
            if not self._given_up:
                self._waiting.append(outcome)
                self.again = clock.monotonic() + AGAIN
        return first and bool(self._deferred)

    def settled(self, outcomes: Iterable[Outcome]) -> bool:
        """These do not wait any more; True when they were the last that did."""
        if not self._deferred:
            return False
        self._deferred.difference_update([outcome.delivery.tag for outcome in outcomes])
        return not self._deferred

    def give_up(self) -> int:
        """Let nothing wait any more; returns how many outcomes did."""
        self._given_up = True
        count = len(self._waiting)
        self._waiting.clear()
        self.again = 0.0
        return count

    def put_back(self, outcomes: list[Outcome]) -> None:
        """A settle failed: they go back to the front, in order."""
        self._items.extendleft(reversed(outcomes))


class Posting:
    """The outcome queue as pools on other threads see it."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.put = outcomes.post


class RunQueue:
    """Claimed messages that have not started. The loop takes from the front, the keeper gives back from the far end."""

    def __init__(self) -> None:
        self._items: deque[Delivery] = deque()
        self.extend = self._items.extend

    def __len__(self) -> int:
        return len(self._items)

    def next(self) -> Delivery | None:
        try:
            return self._items.popleft()
        except IndexError:
            return None

    def give_back(self) -> list[Delivery]:
        """Take all that has not started, from the far end."""
        taken = []
        try:
            while True:
                taken.append(self._items.pop())
        except IndexError:
            return taken
