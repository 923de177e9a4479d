"""The brood: the supervisor's children, which of them are alive and well, and which rows of the page they use."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections import deque
from typing import Final

from .. import clock
from ..broker import Death
from .page import BUSY, FINISHED, NONCE, Page, Row, Running
from .pipes import heard

LEAVE: Final = "leave"
"""Said to a child: claim nothing more, finish, and end; however long that takes."""


class Ward:
    """One living child.

    Attributes:
        ready: it said that it claims.
        born: monotonic time at which it was forked.
        retiring: it wants a replacement; it ends by itself.
        stopped_at: monotonic time at which it was stopped, 0.0 when it runs.
        doomed: why it is being killed by the supervisor, "" when it is not.
        deaf: its control pipe is closed.
    """

    def __init__(self, number: int, pid: int, pipe: socket.socket, row: Row) -> None:
        self.number = number
        self.pid = pid
        self.pipe = pipe
        self.row = row
        self.nonce = row.get(NONCE)
        self.ready = self.retiring = self.deaf = False
        self.born = clock.monotonic()
        self.stopped_at = 0.0
        self.doomed = ""
        self.verdicts: dict[int, str] = {}
        self.told = ""
        self._buffer = b""

    def hear(self) -> list[str]:
        """Words that the child said since the last call."""
        data = heard(self.pipe)
        if not data:
            self.deaf = True
            return []
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [line.decode() for line in lines]

    def say(self, order: str) -> None:
        """Give an order, once."""
        if self.told != order:
            self.told = order
            self.tell(order)

    def tell(self, word: str) -> None:
        """Say something that may be said again."""
        with contextlib.suppress(OSError):
            self.pipe.sendall(word.encode() + b"\n")

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def doom(self, why: str, verdicts: dict[int, str]) -> None:
        """Kill it for a reason of ours; no crash is counted against what it ran."""
        if not self.doomed:
            self.doomed = why
            self.verdicts = verdicts
            self.kill()

    def silent(self, now: float) -> float:
        """Seconds since its consuming connection had an answer; 0.0 while it is not claiming or its functions run.

        A function on the main thread keeps the loop from asking; what runs elsewhere is not ended for a connection.
        """
        if not self.ready or self.retiring or not self.row.answered or self.row.running():
            return 0.0
        return max(0.0, now - self.row.answered)

    def late(self, now: float, patience: float) -> list[Running]:
        """What runs more than `patience` seconds past its hard limit."""
        return [running for running in self.row.running() if running.hard and now > running.hard + patience]

    def death(self, status: int) -> Death:
        """The report about its end; an empty cause for a clean exit."""
        if status < 0:
            cause = f"killed by {signal.Signals(-status).name}"
        else:
            cause = f"exited with code {status}" if status else ""
        started = tuple(running.tag for running in self.row.running())
        return Death(self.nonce, started, self.doomed or cause, self.verdicts, counts=not self.doomed and bool(cause))


class Brood:
    """All of them.

    Args:
        page: the shared page.
        rows: rows of the page; more than children, so that a replacement starts while the old one drains.
    """

    def __init__(self, page: Page, rows: int) -> None:
        self.wards: dict[int, Ward] = {}
        self.unreported: list[Death] = []
        self.ended: dict[int, int] = {}
        self._page = page
        self._free = deque(range(rows))
        self._expected: set[int] = set()
        self._failures = 0
        self._not_before = 0.0
        self._ended = 0

    @property
    def processed(self) -> int:
        """Tasks that ended here so far."""
        return self._ended + sum(ward.row.get(FINISHED) for ward in self.wards.values())

    @property
    def active(self) -> int:
        """Tasks that run now."""
        return sum(len(ward.row.running()) for ward in self.wards.values())

    def tell(self, word: str) -> None:
        """Say something to every child, beside the orders to stop."""
        for ward in self.wards.values():
            ward.tell(word)

    def reserve(self, nonce: int, supervisor: int = 0) -> int:
        """A free row, wiped and marked with the owner number of the next life, and what `page` says of its cell 7."""
        number = self._free.popleft()
        self._page.row(number).reset(nonce, supervisor)
        self._expected.add(number)
        return number

    def born(self, number: int, pid: int, pipe: socket.socket) -> Ward:
        self._expected.discard(number)
        ward = self.wards[pid] = Ward(number, pid, pipe, self._page.row(number))
        return ward

    def free(self, ward: Ward, *, failed: bool, now: float) -> None:
        """Its row can be used again. Children that die before they were ready slow their replacement down."""
        self._free.appendleft(ward.number)  # a row that was never used takes no memory
        for name, count in ward.row.tallies().items():
            self.ended[name] = self.ended.get(name, 0) + count
        self._ended += ward.row.get(FINISHED)
        ward.pipe.close()
        if failed and not ward.ready:
            self._failures += 1
            self._not_before = now + min(30.0, 0.25 * 2 ** min(self._failures, 8))
        else:
            self._failures = 0

    def started(self) -> dict[int, int]:
        """Digest of a task name (`rates.digest`) -> tasks of it that were started, by those who have ended too."""
        counts = dict(self.ended)
        for ward in self.wards.values():
            for name, count in ward.row.tallies().items():
                counts[name] = counts.get(name, 0) + count
        return counts

    def silent(self, now: float) -> float:
        """Seconds without an answer on the consuming connection of the child that has had none for longest."""
        return max((ward.silent(now) for ward in self.wards.values()), default=0.0)

    def busy_children(self) -> int:
        """Children that are not idle, those that are to leave left out."""
        return sum(1 for ward in self.working() if ward.row.get(BUSY) or ward.row.running())

    def working(self) -> list[Ward]:
        """Children that are not to leave."""
        return [ward for ward in self.wards.values() if not ward.retiring]

    @property
    def busy(self) -> bool:
        """Whether a child lives or is on its way."""
        return bool(self.wards or self._expected)

    def lost(self) -> None:
        """The nursery is gone, and the children with it."""
        self.wards.clear()
        self._expected.clear()

    def stopped(self, pid: int, stopped: bool, now: float) -> None:
        ward = self.wards.get(pid)
        if ward is not None:
            ward.stopped_at = now if stopped else 0.0

    def missing(self, wanted: int, now: float) -> int:
        """How many more children are wanted; the retiring ones are not counted."""
        if now < self._not_before:
            return 0
        working = sum(1 for ward in self.wards.values() if not ward.retiring) + len(self._expected)
        return max(0, min(wanted - working, len(self._free)))

    def ready(self, wanted: int) -> bool:
        return sum(1 for ward in self.wards.values() if ward.ready) >= wanted
