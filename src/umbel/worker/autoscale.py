"""The autoscaler: lets the pool of a worker follow its work, between two sizes (`--autoscale MAX,MIN`).

Once a second the supervisor asks it:

    all are busy and messages wait   -> as many more as wait, up to `max_concurrency`, at once
    some were idle for `keepalive`   -> as many less as were idle all that time, down to `min_concurrency`

Messages are counted only while all are busy and there may be more of them, so a worker that idles asks nothing of its
store. What is let go of finishes what it runs. `worker_autoscaler` names a class of your own; it is made and asked as
Celery makes and asks its own, but in the supervisor's loop, so it has no thread and needs no lock.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Protocol

from .. import clock
from ..loading import symbol

if TYPE_CHECKING:
    from ..app import Umbel
    from .options import WorkerOptions

_DEFAULT: Final = "celery.worker.autoscale:Autoscaler"
"""The default of `worker_autoscaler`, which stands for umbel's own."""

KEEPALIVE: Final = float(os.environ.get("AUTOSCALE_KEEPALIVE", "30"))
"""Seconds for which some must have been idle before they are let go of."""


class Scalable(Protocol):
    """What it asks of a pool."""

    @property
    def num_processes(self) -> int: ...

    @property
    def most(self) -> int: ...

    def demand(self) -> int:
        """How many are busy; with the messages that wait, when all are."""
        ...

    def grow(self, n: int) -> None: ...

    def shrink(self, n: int) -> None: ...


class Autoscaler:
    """One worker's.

    Args:
        pool: what is scaled.
        max_concurrency, min_concurrency: its largest and its smallest size; one stays in any case.
        worker: the worker, as bootsteps see it.
        keepalive: seconds, see `KEEPALIVE`.
        mutex: accepted, Celery's; everything happens on one thread.
    """

    def __init__(
        self, pool: Scalable, max_concurrency: int, min_concurrency: int = 0, worker: Any = None,
        keepalive: float = KEEPALIVE, mutex: Any = None,
    ) -> None:  # fmt: skip
        self.pool = pool
        self.max_concurrency = max_concurrency
        self.min_concurrency = min_concurrency
        self.worker = worker
        self.keepalive = keepalive
        self._needed = clock.monotonic()  # when all of them were in use the last time
        self._peak = self._qty = 0

    @property
    def processes(self) -> int:
        """How many there are."""
        return self.pool.num_processes

    @property
    def qty(self) -> int:
        """How many are busy; with the messages that wait, when all are."""
        self._qty = self.pool.demand()
        return self._qty

    def maybe_scale(self, req: Any = None) -> None:
        """Look, and scale if it is time."""
        self._maybe_scale(req)

    def _maybe_scale(self, req: Any = None) -> bool:
        """The decision, for subclasses; whether something was to be done."""
        count, wanted = self.processes, self.qty
        if min(wanted, self.max_concurrency) > count:
            self.scale_up(min(wanted, self.max_concurrency) - count)
            return True
        self._peak = max(self._peak, wanted, self.min_concurrency, 1)
        if self._peak < count:
            self.scale_down(count - self._peak)
            return True
        self._begin_again()
        return False

    def scale_up(self, n: int) -> None:
        """So many more."""
        self.pool.grow(n)
        self._begin_again()

    def scale_down(self, n: int) -> None:
        """So many less, when some have been idle for long enough."""
        if clock.monotonic() - self._needed > self.keepalive:
            self.pool.shrink(n)
            self._begin_again()

    def _begin_again(self) -> None:
        self._needed, self._peak = clock.monotonic(), 0

    def update(self, max: int | None = None, min: int | None = None) -> tuple[int, int]:
        """Change the range, and the size where it is outside of it; returns the largest and the smallest size.

        Raises:
            ValueError: the range is none, or beyond what the worker has room for.
        """
        most = self.max_concurrency if max is None else int(max)
        least = self.min_concurrency if min is None else int(min)
        if not 0 <= least <= most or most < 1 or most > self.pool.most:
            raise ValueError(f"A pool scales from 0 to at most {self.pool.most} here, not from {least} to {most}.")
        self.max_concurrency, self.min_concurrency = most, least
        if self.processes > most:
            self.pool.shrink(self.processes - most)
        elif self.processes < least:
            self.pool.grow(least - self.processes)
        self._begin_again()
        return most, least

    def force_scale_up(self, n: int) -> None:
        """So many more, whatever the range says; it is widened by them."""
        self.pool.grow(n)
        self.max_concurrency = max(self.max_concurrency, self.processes)
        self._begin_again()

    def force_scale_down(self, n: int) -> None:
        """So many less, whatever the range says; it is widened by them."""
        self.pool.shrink(n)
        self.min_concurrency = min(self.min_concurrency, self.processes)
        self._begin_again()

    def info(self) -> dict[str, int]:
        """What `inspect stats` shows."""
        return {
            "max": self.max_concurrency, "min": self.min_concurrency, "current": self.processes, "qty": self._qty,
        }  # fmt: skip


def scaler(app: Umbel, options: WorkerOptions, pool: Scalable, worker: object) -> Autoscaler | None:
    """What lets the pool of a worker follow its work: umbel's own, or the project's; None where it does not."""
    if options.autoscale is None:
        return None
    named = app.conf.worker_autoscaler
    kind: Any = Autoscaler if named == _DEFAULT else symbol(named) if isinstance(named, str) else named
    made: Autoscaler = kind(pool, *options.autoscale, worker=worker)
    return made
