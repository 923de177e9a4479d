"""The pacer contract: how a store lets all workers of a task keep one rate limit together.

A store that can do it gives its broker one more part, which is found by looking whether it is there (`Paced`). A limit
is one line a task name, into which whoever claims a limited message steps once:

    reserve                 the end of the line, one interval behind who came before; the message waits until then
    reserve(again=True)     it is back at its time and starts; unless more than two intervals' worth of them came back
                            at once (no worker was there for a while): then it steps into the line once more

So in any time of n intervals at most n + 2 tasks of the name are started, by whichever workers, and a message is put
off once. Times are the store's own, and only waits leave it, so clocks that differ change nothing.
`umbel.testing.conformance.pacing` is the executable form of this page.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from .broker import Part


class Pacer(Part, Protocol):
    """The lines of one store."""

    def reserve(self, name: str, seconds: float, *, again: bool = False) -> float:
        """Step into the line of a name; one atomic step.

        Args:
            name: of the task.
            seconds: between two starts, more than 0.
            again: its time was reserved before.

        Returns:
            seconds until its time; 0.0: it may start now.

        Raises:
            OperationalError: the store does not answer; nothing, or a place in the line, is lost by it.
        """
        ...

    def reset(self, name: str) -> None:
        """Let the line of a name begin anew: its limit has changed."""
        ...


@runtime_checkable
class Paced(Protocol):
    """A broker whose store can do it."""

    def pacer(self) -> Pacer: ...


def stepped(
    line: float, start: float, now: float, seconds: float, *, again: bool
) -> tuple[float, float, float]:  # fmt: skip
    """One step, for stores that reckon in Python.

    Args:
        line: time from which on the next one that steps into the line may start.
        start: the same as those that did start have moved it.
        now: the store's time.
        seconds, again: as of `Pacer.reserve`.

    Returns:
        the new line, the new start, and the seconds to wait.

    Example:
        >>> stepped(0.0, 0.0, 100.0, 2.0, again=False)
        (102.0, 102.0, 0.0)
        >>> stepped(102.0, 102.0, 100.0, 2.0, again=False)
        (104.0, 102.0, 2.0)
        >>> stepped(104.0, 102.0, 102.0, 2.0, again=True)
        (104.0, 104.0, 0.0)
    """
    if again and start - seconds <= now:
        start = max(start, now) + seconds
        return max(line, start), start, 0.0
    at = max(line, now)
    if at <= now:
        start = max(start, now) + seconds
        return max(at + seconds, start), start, 0.0
    return at + seconds, start, at - now
