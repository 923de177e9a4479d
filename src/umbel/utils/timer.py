"""The timer: functions that are called later, with the methods of kombu's timer.

A supervisor's loop turns one for bootsteps, a child's loop one for each strategy, between two looks, so what they call
must be short; a quarter of a second is how exact the supervisor's is. `Ticking` turns itself.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from .. import clock

logger = logging.getLogger("umbel")


class Entry:
    """A call to come.

    Attributes:
        cancelled: it is not called any more.
    """

    def __init__(self, fun: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> None:
        self.fun = fun
        self.args = args
        self.kwargs = dict(kwargs or {})
        self.cancelled = False

    def cancel(self) -> None:
        """Do not call it any more."""
        self.cancelled = True

    def __call__(self) -> Any:
        return self.fun(*self.args, **self.kwargs)


class Timer:
    """Any thread may add to it; whoever owns it turns it."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Entry, float]] = []
        self._numbers = itertools.count()

    def call_after(
        self, secs: float, fun: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None,
        priority: int = 0,
    ) -> Entry:  # fmt: skip
        """Call a function once, so many seconds from now."""
        return self._enter(secs, 0.0, Entry(fun, args, kwargs))

    def call_repeatedly(
        self, secs: float, fun: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None,
        priority: int = 0,
    ) -> Entry:  # fmt: skip
        """Call a function every so many seconds, until its entry is cancelled."""
        return self._enter(secs, secs, Entry(fun, args, kwargs))

    def cancel(self, tref: Entry) -> None:
        """Do not call it any more."""
        tref.cancel()

    def clear(self) -> None:
        """Forget all calls."""
        self._heap = []

    def _enter(self, secs: float, again: float, entry: Entry) -> Entry:
        heapq.heappush(self._heap, (clock.monotonic() + secs, next(self._numbers), entry, again))
        return entry

    @property
    def due(self) -> float:
        """Monotonic moment of the next call, inf while there is none."""
        heap = self._heap
        while heap and heap[0][2].cancelled:
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def turn(self) -> None:
        """Call what is due; what one of them raises is logged."""
        now = clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            _, _, entry, again = heapq.heappop(self._heap)
            self._call(entry)
            if again and not entry.cancelled:
                self._enter(again, again, entry)

    def rush(self) -> None:
        """Call at once what is to be called at some time; what is repeated goes on as before."""
        for _, _, entry, again in list(self._heap):
            self._call(entry)
            if not again:
                entry.cancel()

    def _call(self, entry: Entry) -> None:
        if entry.cancelled:
            return
        try:
            entry()
        except Exception:
            logger.exception("A call of the timer failed")

    def __len__(self) -> int:
        return len(self._heap)


def to_timestamp(
    d: datetime | float, default_timezone: tzinfo = UTC, time: Callable[[], float] = clock.monotonic
) -> float:  # fmt: skip
    """A moment on the clock that timers go by.

    Args:
        d: the moment; a number is one already.
        default_timezone: zone of a moment that names none.
        time: that clock.
    """
    if not isinstance(d, datetime):
        return d
    aware = d if d.tzinfo else d.replace(tzinfo=default_timezone)
    return max(time() + (aware.timestamp() - clock.wall()), 0.0)


class Ticking(Timer):
    """A timer with a thread of its own, which begins with the first call and ends with `stop`."""

    def __init__(self) -> None:
        super().__init__()
        self._wake = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def _enter(self, secs: float, again: float, entry: Entry) -> Entry:
        super()._enter(secs, again, entry)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="timer", daemon=True)
            self._thread.start()
        self._wake.set()
        return entry

    def stop(self) -> None:
        """Call nothing more; returns when nothing is being called."""
        self._over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._over:
            self._wake.clear()
            self.turn()
            self._wake.wait(min(max(0.0, self.due - clock.monotonic()), 60.0))
