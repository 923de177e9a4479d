"""Pace: how long tasks take, measured by name, and how many to claim at once.

A batch is about 4 ms of work. What was never measured counts as long: it is a batch of one, and finished outcomes are
settled before it starts. The measure forgets: a name that turns slow is seen after one run, a name that turns fast
after a few.
"""

from __future__ import annotations

from typing import Final

WORK: Final = 0.004
"""Seconds of work that a child claims at once: also the time after which its first outcome is settled, so that one call
settles a whole batch and claims the next. Longer batches win nothing more, and results would be late."""

SHORT: Final = 0.002
"""A name whose measured time is below this (seconds) may start while finished outcomes wait."""

MOST: Final = 500
"""Most messages in one claim."""


class Pace:
    """Measured seconds by task name, for one child. Only the child's loop writes it.

    Args:
        most: upper bound of a batch, at least 1.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.seconds: dict[str, float] = {}
        self._batch = 1

    def measured(self, name: str, seconds: float) -> None:
        """Note one run; slower is believed at once, faster by a quarter of the difference."""
        known = self.seconds.get(name)
        if known is None or seconds > known:
            self.seconds[name] = seconds
        else:
            self.seconds[name] = known + (seconds - known) * 0.25

    def short(self, name: str) -> bool:
        """Whether tasks of this name are known to be short."""
        return self.seconds.get(name, WORK) < SHORT

    def batch(self) -> int:
        """How many messages to claim next."""
        return self._batch

    def worked(self, count: int, seconds: float) -> None:
        """A batch of `count` tasks took `seconds`: the next one grows at most fourfold and shrinks at once."""
        fitting = int(WORK * count / seconds) if seconds > 0 else self.most
        self._batch = max(1, min(self.most, fitting, self._batch * 4))
