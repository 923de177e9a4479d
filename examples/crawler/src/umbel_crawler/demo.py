"""`umbel-crawler demo`: a real site, four kinds of processes, one violent death, and a count at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import report, tasks
from .display import Display
from .fleet import Fleet
from .plan import Limits, Plan
from .run import Crawl, Place, follow, start_workers
from .site import ERROR_TITLE, ROBOTS, Pydoc
from .storage import Storage
from .walk import walk
from .watch import Snapshot

DEPTH: Final = 2  # the index and the topics, every module, every submodule
LEAST_PAGES: Final = 400
KILL_AT: Final = 150  # pages
IN_FLIGHT: Final = 4
TELL_EVERY: Final = 100  # pages of the walk
DEADLINE: Final = 110.0  # seconds for all of it
REPLACEMENT: Final = "crawler3"


class TooLong(Exception):
    """The demo has used up its time."""


def demo_plan(start: str) -> Plan:
    """What the demo crawls: everything within two links, so that the set of pages hangs on nobody's speed."""
    return Plan(
        start=start,
        depth=DEPTH,
        max_pages=5000,  # never reached: a cut-off would make the set depend on who answers first
        per_site=IN_FLIGHT,
        delay=0.0,
        robots=ROBOTS,
        limits=Limits(timeout=60.0, error_title=ERROR_TITLE),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the demo has shown.

    Attributes:
        stored: pages of the crawl.
        walked: pages of the independent walk.
        lines: the summary.
    """

    stored: frozenset[str]
    walked: frozenset[str]
    lines: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """The same pages, and enough of them."""
        return self.stored == self.walked and len(self.stored) >= LEAST_PAGES


def run_demo(folder: Path, data: Path, view: Display, say: Callable[[str], None]) -> Verdict:
    """Run the whole demo.

    Args:
        folder: an empty one, for the store, the logs and the site.
        data: where the crawl's file goes.
        view: shows the crawl.
        say: takes one line of text, before and after the view.

    Raises:
        TooLong: it was not over within 110 s.
        WorkerDied, SiteError: a process ended by itself, or did not come up.
    """
    clock = _Clock()
    with Pydoc(folder) as site:
        say(f"crawling {site.url}, the documentation of the standard library, with a scheduler, a storage node and two")
        say(f"crawler nodes; at {KILL_AT} pages the busier one is killed by SIGKILL and {REPLACEMENT} takes its place")
        place = Place.embedded(folder, data)
        crawl = Crawl.prepare("demo", demo_plan(site.url), data)
        with place.taken(), Fleet(place.broker, data, folder) as fleet:
            start_workers(fleet, 2)
            assassin = _Assassin(fleet, view, clock)
            with view:
                last = follow(crawl, view, fleet, assassin.tick)
        say("\nwalking the same site again, one page after the other, with urllib and a regular expression alone")
        began = time.monotonic()
        walked = walk(site.url, DEPTH, ROBOTS, lambda pages: _tell(pages, clock, say))
        say(f"the walk found {len(walked)} pages in {time.monotonic() - began:.1f} s")
    return _judge(crawl, last, walked, assassin)


def _tell(pages: int, clock: _Clock, say: Callable[[str], None]) -> None:
    clock.check()
    if pages % TELL_EVERY == 0:
        say(f"  {pages} pages")


def _judge(crawl: Crawl, last: Snapshot, walked: set[str], assassin: _Assassin) -> Verdict:
    db = crawl.database()
    try:
        storage = Storage(db)
        stored = storage.pages()
        lines = [
            "",
            *report.summary(db, last, crawl.path),
            "",
            "search for 'event loop':",
            *report.search(db, "event loop", 3),
            "",
            *_comparison(stored, walked),
            *assassin.account(storage.fetched_again()),
        ]
    finally:
        db.close()
    return Verdict(frozenset(stored), frozenset(walked), tuple(lines))


def _comparison(stored: set[str], walked: set[str]) -> Iterator[str]:
    yield f"pages stored: {len(stored)}, found by the independent walk: {len(walked)}"
    if stored == walked:
        yield "the two sets are equal: nothing is lost, nothing is invented"
    for name, urls in (("MISSING", walked - stored), ("NOT FOUND BY THE WALK", stored - walked)):
        for url in sorted(urls)[:10]:
            yield f"  {name}  {url}"
        if len(urls) > 10:
            yield f"  ... and {len(urls) - 10} more"


class _Clock:
    """The time that is left."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def check(self) -> None:
        if time.monotonic() - self._began > DEADLINE:
            raise TooLong(
                f"The demo is not over after {DEADLINE:.0f} s; this machine is very slow, or umbel is broken."
            )


@dataclass(slots=True)
class _Assassin:
    """Kills a crawler node when the crawl is in full swing, and starts another one."""

    fleet: Fleet
    view: Display
    clock: _Clock
    victim: str = ""
    killed_at: int = 0

    def tick(self, snapshot: Snapshot) -> None:
        self.clock.check()
        if self.victim or snapshot.pages < KILL_AT:
            return
        busiest = max(snapshot.nodes, key=lambda node: node.pages)  # it holds pages, so there is something to lose
        node = self.fleet.nodes[busiest.worker.partition("@")[0]]
        self.fleet.kill(node)
        self.victim, self.killed_at = node.name, snapshot.pages
        self.view.note(f"{node.name} (pid {node.process.pid} and its children) was killed by SIGKILL")
        self.fleet.start(REPLACEMENT, tasks.CRAWL)
        self.view.note(f"{REPLACEMENT} was started")

    def account(self, again: int) -> Iterator[str]:
        if not self.victim:
            yield "but no node was killed: the crawl was over too soon"
            return
        held = {0: "it held no page then", 1: "the page that it held was fetched again by another"}
        fate = held.get(again, f"the {again} pages that it held were fetched again by the others")
        yield f"{self.victim} was killed at {self.killed_at} pages; {fate}"
