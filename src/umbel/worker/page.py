"""The shared page: what each child runs, and since when, readable after its death.

One shared mapping of an unlinked file, made by the supervisor before it forks, inherited by nursery and children (a
spawned child maps the inherited file descriptor). Nobody locks it: each child writes only its own rows, the
supervisor reads them and writes a row only while its child is not alive.

    row of a child, 8-byte cells:
      0 nonce      owner number of this life, written by the supervisor before the fork
      1 state      STARTING, READY, DRAINING, GONE; written by the child
      2 beat       monotonic time of the keeper's last tick (seconds); written by the keeper
      3 finished   tasks that ended in this life
      4 held       claimed messages that have not started
      5 busy       1 while the child's loop is not waiting for work
      6 answered   monotonic time of the last good round trip on the connection that consumes, or of the loop's last
                   look that wanted nothing of the store; 0.0 before the first
      7 supervisor its pid, negative while nobody wants events about tasks, 0 where there is none; written by it, with
                   the nonce
      8 claims     claims that it holds of messages that run once (`once`)
      9 vouched    monotonic time at which it last said itself that it lives, for the sake of these
      then `slots` entries of four cells: tag, started (monotonic s), hard deadline (monotonic s, 0.0 none), spare
      then `TALLIES` entries of two cells: digest of a task's name, tasks of that name that were started in this life

Behind the rows stands the table of rate limits (`rates`).

An entry's tag is not 0 exactly while the function of that message runs: written last at the start, cleared first at the
end. So a child's death counts against the tasks that were running, and against nobody else. A write costs about 0.1 us
and no system call.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Final, NamedTuple

from .. import clock
from .rates import CELLS, Rates, digest

STARTING: Final = 0
READY: Final = 1
DRAINING: Final = 2
GONE: Final = 3

_HEADER: Final = 10
_ENTRY: Final = 4
TALLIES: Final = 64
"""Task names that one child counts, the last for all that have no place of their own."""
OTHERS: Final = 1
"""Stands for these in the place of a digest."""
NONCE, STATE, BEAT, FINISHED, HELD, BUSY, ANSWERED, SUPERVISOR, CLAIMS, VOUCHED = range(10)


class Running(NamedTuple):
    """One running function as the page shows it: store tag, monotonic start, monotonic hard deadline (0.0: none)."""

    tag: int
    started: float
    hard: float


class Page:
    """The whole mapping.

    Args:
        children: number of children.
        slots: functions and coroutines that one child can run at the same time.
        fd: the mapping's file, for a spawned child; None makes a new one.
    """

    fd = -1

    def __init__(self, children: int, slots: int, fd: int | None = None) -> None:
        self.slots = slots
        self._width = _HEADER + _ENTRY * slots + 2 * TALLIES
        size = max((children * self._width + CELLS) * 8, mmap.PAGESIZE)
        self.fd = _unlinked(size) if fd is None else fd
        self._map = mmap.mmap(self.fd, size)
        self._ints = memoryview(self._map).cast("q")
        self._floats = memoryview(self._map).cast("d")
        self.rates = Rates(self.fd, self._ints, self._floats, children * self._width)
        if fd is None:
            self.rates.since = clock.wall()

    def __del__(self) -> None:
        """The mapping stays as long as a row of it is held."""
        if self.fd >= 0:
            os.close(self.fd)

    def row(self, child: int) -> Row:
        """The row of child number `child`, from 0."""
        return Row(self._ints, self._floats, child * self._width, self.slots, self.rates)


def _unlinked(size: int) -> int:
    fd: int = os.memfd_create("umbel-page") if hasattr(os, "memfd_create") else _temporary()
    os.ftruncate(fd, size)
    return fd


def _temporary() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Row:
    """One child's cells. The child writes, the supervisor reads."""

    def __init__(
        self, ints: memoryview[int], floats: memoryview[float], base: int, slots: int, rates: Rates
    ) -> None:  # fmt: skip
        self.ints = ints
        self.floats = floats
        self.base = base
        self.slots = slots
        self.rates = rates
        self._tallies = range(base + _HEADER + _ENTRY * slots, base + _HEADER + _ENTRY * slots + 2 * TALLIES, 2)
        self.free = list(range(base + _HEADER + _ENTRY * (slots - 1), base + _HEADER - 1, -_ENTRY))

    def reset(self, nonce: int, supervisor: int = 0) -> None:
        """Wipe the row for a new life; only while no child uses it."""
        for cell in range(self.base, self._tallies.stop):
            self.ints[cell] = 0
        self.ints[self.base + NONCE] = nonce
        self.ints[self.base + SUPERVISOR] = supervisor

    def begin(self, tag: int, started: float, hard: float) -> int:
        """A function starts; returns the cell to give to `end`, -1 for one that finds no place and is not shown."""
        try:
            cell = self.free.pop()
        except IndexError:
            return -1
        self.floats[cell + 1] = started
        self.floats[cell + 2] = hard
        self.ints[cell] = tag
        return cell

    def end(self, cell: int) -> None:
        """The function that `begin` announced is over."""
        if cell < 0:
            return
        self.ints[cell] = 0
        self.free.append(cell)

    def tally(self, name: str) -> int:
        """The cell that counts the tasks of a name."""
        number = digest(name)
        for cell in self._tallies[:-1]:
            if self.ints[cell] in (0, number):
                self.ints[cell] = number
                return cell + 1
        self.ints[self._tallies[-1]] = OTHERS
        return self._tallies[-1] + 1

    def tallies(self) -> dict[int, int]:
        """Digest of a name -> tasks of it that were started."""
        return {self.ints[cell]: self.ints[cell + 1] for cell in self._tallies if self.ints[cell]}

    def get(self, field: int) -> int:
        return self.ints[self.base + field]

    def put(self, field: int, value: int) -> None:
        self.ints[self.base + field] = value

    @property
    def beat(self) -> float:
        return self.floats[self.base + BEAT]

    @beat.setter
    def beat(self, now: float) -> None:
        self.floats[self.base + BEAT] = now

    @property
    def answered(self) -> float:
        return self.floats[self.base + ANSWERED]

    @answered.setter
    def answered(self, now: float) -> None:
        self.floats[self.base + ANSWERED] = now

    @property
    def vouched(self) -> float:
        return self.floats[self.base + VOUCHED]

    @vouched.setter
    def vouched(self, now: float) -> None:
        self.floats[self.base + VOUCHED] = now

    def running(self) -> list[Running]:
        """What runs now, or ran when the child died."""
        first = self.base + _HEADER
        found = []
        for cell in range(first, first + _ENTRY * self.slots, _ENTRY):
            tag = self.ints[cell]
            if tag:
                found.append(Running(tag, self.floats[cell + 1], self.floats[cell + 2]))
        return found
