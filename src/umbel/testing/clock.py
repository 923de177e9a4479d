"""A clock that the test moves: replaces both functions of `umbel.clock`.

Example:
    >>> from umbel import clock
    >>> with moved_clock() as hands:
    ...     before = clock.wall()
    ...     hands.advance(3600)
    ...     clock.wall() - before >= 3600
    True
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .. import clock


class MovableClock:
    """Two clocks that begin at the present moment and jump when they are told.

    Args:
        ticking: between two jumps they go on as real ones do (True), or stand still (False).
    """

    def __init__(self, *, ticking: bool = True) -> None:
        self._ticking = ticking
        self._wall = time.time()
        self._monotonic = time.monotonic()
        self._started = self._monotonic
        self._callbacks: list[Callable[[], object]] = []

    def wall(self) -> float:
        """What `umbel.clock.wall` returns."""
        return self._wall + self._passed()

    def monotonic(self) -> float:
        """What `umbel.clock.monotonic` returns."""
        return self._monotonic + self._passed()

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass at once on both clocks."""
        self._wall += seconds
        self._monotonic += seconds
        self._tell()

    def set_wall(self, moment: float) -> None:
        """Set the wall clock to a unix time, as an administrator or a time server does; the other one does not jump."""
        self._wall = moment - self._passed()
        self._tell()

    def on_move(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` after every jump: those who sleep until a moment must look again (`MemoryStore.nudge`)."""
        self._callbacks.append(callback)

    def _passed(self) -> float:
        return time.monotonic() - self._started if self._ticking else 0.0

    def _tell(self) -> None:
        for callback in self._callbacks:
            callback()


@contextmanager
def moved_clock(*, ticking: bool = True) -> Iterator[MovableClock]:
    """Put a `MovableClock` in the place of umbel's clocks for the length of a ``with`` block.

    Args:
        ticking: see `MovableClock`.
    """
    hands = MovableClock(ticking=ticking)
    real = clock.wall, clock.monotonic
    clock.wall, clock.monotonic = hands.wall, hands.monotonic
    try:
        yield hands
    finally:
        clock.wall, clock.monotonic = real
