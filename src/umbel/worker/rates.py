"""Rate limits: when the next task of a name may start in this worker, kept on the shared page for all its children.

A limit holds for one worker, as Celery's does (one for all of them is kept by the store, `pacing`), and lets one task
start each interval. Whoever gets a limited task
reserves its time: when that is now it runs, otherwise the message waits in the store until then, and runs when it comes
back. So it is put off once, and holds no slot, no claim and no other task meanwhile.

A message that another worker put off, or this one before it was started anew, comes back with a time that was reserved
elsewhere; behind an outage there may be many of them. It reserves again.

    table   unix time of its making | spare | for each name: digest, monotonic time from which on the next may start

A name's two cells are read and written under a lock of the kernel on the table's file, which ends with its holder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

NAMES: Final = 255
"""Limited task names of one worker; those beyond it have one limit in common."""

CELLS: Final = 2 * (NAMES + 1)


CLUSTER: Final = "cluster"
"""A limit for all workers together (`pacing`)."""

SCOPES: Final = ("worker", CLUSTER)


def scope(task: Any, conf: Any) -> str:
    """For whom a task's rate limit is: each worker by itself, or all of them together.

    Raises:
        ValueError: it is for neither.
    """
    found: str = task.rate_limit_scope or conf.task_rate_limit_scope
    if found not in SCOPES:
        raise ValueError(f"rate_limit_scope is {found!r}: write worker or cluster.")
    return found


def digest(name: str) -> int:
    """A task name as one cell of the page, never 0."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True) or 1


class Rates:
    """The table of one worker.

    Args:
        fd: the page's file, of which it keeps a number of its own.
        ints, floats: the page's cells.
        base: the first cell of the table.
    """

    fd = -1

    def __init__(self, fd: int, ints: memoryview[int], floats: memoryview[float], base: int) -> None:
        self.fd = os.dup(fd)
        self._ints = ints
        self._floats = floats
        self._base = base
        self._cells: dict[str, int] = {}

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)

    @property
    def since(self) -> float:
        """Unix time at which the worker was started."""
        return self._floats[self._base]

    @since.setter
    def since(self, moment: float) -> None:
        self._floats[self._base] = moment

    def reserve(self, name: str, seconds: float, now: float) -> float:
        """The monotonic time at which the next task of this name may start; ``now`` when that is over already."""
        with self._locked():
            cell = self._cell(name)
            at = max(now, self._floats[cell + 1])
            self._floats[cell + 1] = at + seconds
        return at

    def reset(self, name: str) -> None:
        """Forget what was reserved: the limit has changed."""
        with self._locked():
            self._floats[self._cell(name) + 1] = 0.0

    def _cell(self, name: str) -> int:
        """Where a name stands, from now on if it did not."""
        if name not in self._cells:
            number, cell = digest(name), self._base
            while cell < self._base + CELLS - 2:
                cell += 2
                if self._ints[cell] in (0, number):
                    break
            self._ints[cell] = number
            self._cells[name] = cell
        return self._cells[name]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.lockf(self.fd, fcntl.LOCK_EX, 8, self._base * 8)
        try:
            yield
        finally:
            fcntl.lockf(self.fd, fcntl.LOCK_UN, 8, self._base * 8)
