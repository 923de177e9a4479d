"""One round of a crawl, from the command line: file, workers, first message, view, end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from . import tasks
from .app import app
from .database import create, existing, path_of
from .display import Display
from .fleet import Fleet
from .plan import Plan
from .watch import Snapshot, Watcher

TICK: Final = 0.1  # seconds between two looks at the crawl's file
SILENT: Final = 10.0  # seconds without a first page after which a person is told what to look at
ROLES: Final = (("scheduler", tasks.FRONTIER), ("storage", tasks.STORAGE))


@dataclass(frozen=True, slots=True)
class Place:
    """Where messages and crawls are, for this process and the workers that it starts.

    Attributes:
        broker: URL of the store.
        data: folder of the crawls.
    """

    broker: str
    data: Path

    @classmethod
    def embedded(cls, folder: Path, data: Path) -> Place:
        """umbel's own store, as a file in a folder."""
        return cls(f"sqlite:///{quote(str(folder.resolve() / 'umbel.db'))}", data)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Inside, this process sends its messages there."""
        app.close()
        app.conf.update(broker_url=self.broker)
        try:
            yield
        finally:
            app.close()


@dataclass(frozen=True, slots=True)
class Crawl:
    """A crawl that has its file.

    Attributes:
        name: of the crawl.
        plan: what it is to do.
        path: its file.
        round: number of this round.
    """

    name: str
    plan: Plan
    path: Path
    round: int

    @classmethod
    def prepare(cls, name: str, plan: Plan, data: Path) -> Crawl:
        """Make the crawl's file, or open it for a further round.

        Raises:
            CrawlFileError: the file is not one of this crawl.
        """
        path = path_of(name, data)
        return cls(name, plan, path, create(path, plan))

    def database(self) -> sqlite3.Connection:
        """A new connection to its file."""
        return existing(self.path)


def start_workers(fleet: Fleet, nodes: int) -> None:
    """Start a scheduler, a storage node and crawler nodes."""
    for name, queue in ROLES:
        fleet.start(name, queue)
    for number in range(1, nodes + 1):
        fleet.start(f"crawler{number}", tasks.CRAWL)


def follow(
    crawl: Crawl, view: Display, fleet: Fleet | None, tick: Callable[[Snapshot], None] = lambda _: None
) -> Snapshot:
    """Send the first message and watch the crawl to its end.

    Args:
        crawl: prepared.
        view: shows it.
        fleet: the local workers, None when all are elsewhere.
        tick: called with every snapshot; what it raises ends the watching.

    Returns:
        The last moment.

    Raises:
        WorkerDied: a local worker ended by itself.
        umbel.exceptions.OperationalError: the store did not take the first message.
    """
    db = crawl.database()
    try:
        watcher = Watcher(db)
        tasks.begin.delay(crawl.name, crawl.round)
        watchman = _Watchman(crawl, view)
        while True:
            snapshot = watcher.snapshot()
            lost = [node.name for node in fleet.nodes.values() if node.killed] if fleet else []
            view.show(snapshot, lost)
            if snapshot.over:
                return snapshot
            if fleet:
                fleet.check()
            watchman.look(snapshot)
            tick(snapshot)
            time.sleep(TICK)
    finally:
        db.close()


class _Watchman:
    """Tells a person who waits for nothing, and sends the patrol when a crawl stands still."""

    def __init__(self, crawl: Crawl, view: Display) -> None:
        limits = crawl.plan.limits
        longest_wait = 120.0  # fetcher.LONGEST_WAIT
        self._crawl = crawl
        self._view = view
        self._quiet = (limits.timeout + longest_wait) * (limits.retries + 1) + 60
        self._last: tuple[int, int, int] | None = None
        self._changed = 0.0
        self._told = False

    def look(self, snapshot: Snapshot) -> None:
        state = (snapshot.pages, snapshot.queue, snapshot.errors)
        if state != self._last:
            self._last, self._changed = state, snapshot.elapsed
        still = snapshot.elapsed - self._changed
        if not self._told and not snapshot.nodes and still > SILENT:
            self._told = True
            self._view.note(
                f"Nothing has been fetched for {SILENT:.0f} s: are there workers on the queues"
                f" {tasks.FRONTIER}, {tasks.CRAWL} and {tasks.STORAGE} of this store?"
            )
        if still > self._quiet:
            self._changed = snapshot.elapsed
            tasks.patrol.delay(self._crawl.name, self._quiet)
