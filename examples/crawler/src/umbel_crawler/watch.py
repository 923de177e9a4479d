"""How a crawl goes on, read from its file."""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .storage import Node, Storage

WINDOW: Final = 5.0  # seconds over which pages a second are counted


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a crawl.

    Attributes:
        elapsed: seconds since the watcher began.
        pages: stored, redirects included.
        fresh: those of them that came since the watcher began.
        queue: URLs that wait for their turn.
        in_flight: URLs with the crawler nodes, or with the storage on the way back.
        errors: URLs that failed for good.
        refused: URLs that robots.txt forbids.
        rate: pages a second over the last five seconds.
        nodes: crawler nodes that have reported.
        over: nothing is left to do.
    """

    elapsed: float
    pages: int
    fresh: int
    queue: int
    in_flight: int
    errors: int
    refused: int
    rate: float
    nodes: tuple[Node, ...]
    over: bool

    @property
    def known(self) -> int:
        """URLs that the crawl has to do with so far, done ones included."""
        return self.pages + self.queue + self.in_flight + self.errors


class Watcher:
    """Reads snapshots.

    Args:
        db: connection to the crawl's file.
        clock: seconds that only go forward.
    """

    def __init__(self, db: sqlite3.Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._began = clock()
        self._first: int = db.execute("SELECT n FROM tally WHERE state = 'fetched'").fetchone()[0]
        self._seen: deque[tuple[float, int]] = deque()

    def snapshot(self) -> Snapshot:
        """The present moment; a few small queries."""
        now = self._clock()
        tally: dict[str, int] = dict(self._db.execute("SELECT state, n FROM tally"))
        (waits,) = self._db.execute("SELECT begun < round FROM crawl").fetchone()
        return Snapshot(
            elapsed=now - self._began,
            pages=tally["fetched"],
            fresh=tally["fetched"] - self._first,
            queue=tally["queued"],
            in_flight=tally["given"],
            errors=tally["failed"],
            refused=tally["refused"],
            rate=self._rate(now, tally["fetched"]),
            nodes=tuple(Storage(self._db).nodes()),
            over=not waits and not tally["queued"] and not tally["given"],
        )

    def _rate(self, now: float, pages: int) -> float:
        self._seen.append((now, pages))
        while now - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        then, before = self._seen[0]
        return (pages - before) / (now - then) if now > then else 0.0
