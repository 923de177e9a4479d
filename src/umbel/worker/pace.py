"""Pace: how long tasks take, measured by name, and how many to claim at once.

A batch is about 10 ms of work, so that one call settles much and claims the next. What was never measured counts as
long: it is a batch of one, and finished outcomes are settled before it starts. The measure forgets: a name that turns
slow is seen after one run, a name that turns fast after a few. Only the time inside of functions is measured: what a
busy machine takes from a batch must not make the next one smaller, or it gets busier still.
"""

from __future__ import annotations

from typing import Final

WORK: Final = 0.010
"""Seconds of work that a child claims at once."""

OVERHEAD: Final = 20e-6
"""Seconds that claiming, decoding and settling take a task, roughly: bounds the batch of tasks that do nothing."""

SHORT: Final = 0.002
"""A name whose measured time is below this (seconds) may start while finished outcomes wait."""

MOST: Final = 500
"""Most messages in one claim."""


def believed(known: float | None, seconds: float) -> float:
    """What to believe of a name after one more run: slower at once, faster by a quarter of the difference.

    Example:
        >>> believed(None, 0.5), believed(0.1, 0.5), believed(0.5, 0.1)
        (0.5, 0.5, 0.4)
    """
    if known is None or seconds > known:
        return seconds
    return known + (seconds - known) * 0.25


class Pace:
    """The size of one child's claims. Only its loop writes it.

    Args:
        most: upper bound of a batch, at least 1.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._batch = 1

    def batch(self) -> int:
        """How many messages to claim next."""
        return self._batch

    def worked(self, count: int, seconds: float) -> None:
        """The functions of `count` tasks took `seconds`: the next batch grows at most fourfold and shrinks at once."""
        fitting = int(WORK / (seconds / count + OVERHEAD)) if count else 1
        self._batch = max(1, min(self.most, fitting, self._batch * 4))
