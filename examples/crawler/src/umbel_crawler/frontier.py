"""The frontier: which URLs are known, which may be fetched now, and when a crawl is over. The scheduler's memory.

It is a table in the crawl's file (the states are drawn in ``schema.sql``), changed in one transaction a message.
Handing out is in two steps, because a message cannot be sent inside a transaction of another store: the transaction
marks rows with the id of the message being handled, and `Orders` are read from those marks. When the scheduler dies in
between, its message is delivered again, finds the marks, and the same fetches are sent (again): none is lost, a double
one is harmless.

Depth is the *fewest* links from the start. A shorter way may be found after a page was fetched, so depths are lowered
along stored links; the set of pages within a depth is then the same whoever answers first.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from .database import transaction
from .plan import Plan
from .robots import Rules, effective, rules
from .urls import site_of

MOST_HOPS: Final = 10  # redirects in a row
MOST_GIVEN: Final = 5  # times that a URL is handed out before it counts as failed


@dataclass(frozen=True, slots=True)
class Orders:
    """What the scheduler is to publish.

    Attributes:
        fetches: (url, unix time from which it may be fetched).
        sites: to be asked for their robots.txt.
    """

    fetches: tuple[tuple[str, float], ...]
    sites: tuple[str, ...]


class Frontier:
    """One crawl's frontier.

    Args:
        db: connection to the crawl's file.
        plan: what the crawl is to do.
        now: the wall clock, unix seconds.
    """

    def __init__(self, db: sqlite3.Connection, plan: Plan, now: Callable[[], float] = time.time) -> None:
        self._db = db
        self._plan = plan
        self._now = now
        self._rules: dict[str, Rules] = {}  # of sites whose robots.txt is known; it does not change

    def begin(self, round_: int, message: str) -> Orders:
        """Admit the start page; in a further round also what failed, was left over, or was too far for the plan then.

        Args:
            round_: as `database.create` returned it; a round that has begun does not begin again.
            message: id of the scheduler's message, the same when it is delivered again.
        """
        with transaction(self._db):
            changed = self._db.execute("UPDATE crawl SET begun = ? WHERE begun < ?", (round_, round_)).rowcount
            if changed:
                self._open_again()
                self._admit([(self._plan.start, 0, 0)])
                self._hand_out(self._waiting_sites(), message)
                self._finish(message)
        return self._orders(message)

    def _open_again(self) -> None:
        self._db.execute(
            "UPDATE url SET state = 'queued', given = 0"
            " WHERE state IN ('failed', 'left', 'given') OR (state = 'far' AND depth <= ?)",
            (self._plan.depth,),
        )
        self._db.execute("UPDATE site SET state = 'new' WHERE state = 'asked'")
        if self._plan.robots is not None:
            self._db.execute(
                "INSERT INTO site (site, state, robots) VALUES (?, 'known', ?)"
                " ON CONFLICT DO UPDATE SET state = 'known', robots = excluded.robots",
                (site_of(self._plan.start), self._plan.robots),
            )

    def settle(self, url: str, message: str) -> Orders:
        """Close a URL whose outcome is stored, admit its links, and hand out what may be fetched now.

        Args:
            url: as handed out.
            message: id of the scheduler's message.
        """
        with transaction(self._db):
            sites = self._close(url)
            self._hand_out(sites, message)
            self._finish(message)
        return self._orders(message)

    def robots_arrived(self, site: str, status: int, text: str, message: str) -> Orders:
        """Keep a site's robots.txt (status 0: it could not be had) and hand out its pages."""
        with transaction(self._db):
            self._db.execute(
                "UPDATE site SET state = 'known', robots = ? WHERE site = ? AND state <> 'known'",
                (effective(status, text), site),
            )
            self._hand_out([site], message)
            self._finish(message)
        return self._orders(message)

    def patrol(self, message: str, older_than: float) -> Orders:
        """Hand out again what was given long ago without an outcome: its message is in the dead letters, or was purged.

        Args:
            message: id of the scheduler's message.
            older_than: seconds since it could have been fetched.
        """
        limit = self._now() - older_than
        with transaction(self._db):
            self._db.execute("UPDATE site SET state = 'new' WHERE state = 'asked'")
            old = self._db.execute("SELECT url, given FROM url WHERE state = 'given' AND due < ?", (limit,)).fetchall()
            for url, given in old:
                state = "queued" if given < MOST_GIVEN else "failed"
                self._db.execute("UPDATE url SET state = ? WHERE url = ?", (state, url))
                if state == "failed":
                    self._lost(url, f"its message was lost {given} times; see `umbel dead list`")
            self._hand_out(self._waiting_sites(), message)
            self._finish(message)
        return self._orders(message)

    def tally(self) -> dict[str, int]:
        """Number of URLs in each state."""
        return dict(self._db.execute("SELECT state, n FROM tally"))

    def _close(self, url: str) -> set[str]:
        row = self._db.execute("SELECT depth, hops, site FROM url WHERE url = ?", (url,)).fetchone()
        if row is None:
            return set()
        depth, hops, site = row
        page = self._db.execute("SELECT moved_to FROM page WHERE url = ?", (url,)).fetchone()
        self._db.execute("UPDATE url SET state = ? WHERE url = ?", ("fetched" if page else "failed", url))
        if page is None:
            return {site}
        return self._admit(self._targets(url, depth, hops)) | {site}

    def _targets(self, url: str, depth: int, hops: int) -> list[tuple[str, int, int]]:
        """Where a fetched page leads: (url, depth, redirects so far)."""
        (moved_to,) = self._db.execute("SELECT moved_to FROM page WHERE url = ?", (url,)).fetchone()
        if moved_to:
            return [(moved_to, depth, hops + 1)]
        links = self._db.execute("SELECT target FROM link WHERE source = ?", (url,))
        return [(target, depth + 1, 0) for (target,) in links]

    def _admit(self, found: Iterable[tuple[str, int, int]]) -> set[str]:
        """Add URLs, each once, and lower depths where the way is shorter than any before.

        Returns:
            The sites that got something to fetch.
        """
        sites: set[str] = set()
        open_ends = deque(found)
        while open_ends:
            url, depth, hops = open_ends.popleft()
            if not self._plan.covers(url):
                continue
            row = self._db.execute("SELECT state, depth FROM url WHERE url = ?", (url,)).fetchone()
            state = self._first_state(url, depth)
            if row is None and hops > MOST_HOPS:
                self._insert(url, depth, hops, "failed")
                self._lost(url, f"more than {MOST_HOPS} redirects in a row")
            elif row is None:
                self._insert(url, depth, hops, state)
                sites.add(site_of(url))
            elif depth < row[1]:
                self._db.execute("UPDATE url SET depth = ? WHERE url = ?", (depth, url))
                if row[0] == "far" and state != "far":
                    self._db.execute("UPDATE url SET state = ? WHERE url = ?", (state, url))
                    sites.add(site_of(url))
                elif row[0] == "fetched":
                    open_ends.extend(self._targets(url, depth, hops))
        return sites

    def _first_state(self, url: str, depth: int) -> str:
        if depth > self._plan.depth:
            return "far"
        site = site_of(url)
        if site not in self._rules:
            row = self._db.execute("SELECT robots FROM site WHERE site = ? AND state = 'known'", (site,)).fetchone()
            if row is None:
                return "queued"  # `_fill` asks again when robots.txt is there
            self._rules[site] = rules(row[0], self._plan.limits.agent)
        return "queued" if self._rules[site].allow(url) else "refused"

    def _insert(self, url: str, depth: int, hops: int, state: str) -> None:
        site = site_of(url)
        self._db.execute("INSERT OR IGNORE INTO site (site) VALUES (?)", (site,))
        self._db.execute(
            "INSERT INTO url (url, site, depth, hops, state) VALUES (?, ?, ?, ?, ?)", (url, site, depth, hops, state)
        )

    def _lost(self, url: str, reason: str) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO error (url, status, reason, at, worker, attempts) VALUES (?, 0, ?, ?, '', 1)",
            (url, reason, self._now()),
        )

    def _waiting_sites(self) -> list[str]:
        return [site for (site,) in self._db.execute("SELECT DISTINCT site FROM url WHERE state = 'queued'")]

    def _hand_out(self, sites: Iterable[str], message: str) -> None:
        """Give each of these sites as many fetches as it may have under way."""
        for site in sorted(sites):
            row = self._db.execute("SELECT state, robots FROM site WHERE site = ?", (site,)).fetchone()
            if row is not None and row[0] == "known":
                self._fill(site, row[1], message)
            elif row is not None and row[0] == "new" and self._next_queued(site):
                self._db.execute("UPDATE site SET state = 'asked', given_to = ? WHERE site = ?", (message, site))

    def _fill(self, site: str, robots: str, message: str) -> None:
        allowed = rules(robots, self._plan.limits.agent)
        delay = max(self._plan.delay, allowed.delay)
        given = self._db.execute("SELECT count(*) FROM url WHERE site = ? AND state = 'given'", (site,)).fetchone()[0]
        while given < self._plan.per_site and self._budget() > 0:
            url = self._next_queued(site)
            if url is None:
                return
            if not allowed.allow(url):
                self._db.execute("UPDATE url SET state = 'refused' WHERE url = ?", (url,))
                continue
            (next_at,) = self._db.execute("SELECT next_at FROM site WHERE site = ?", (site,)).fetchone()
            due = max(self._now(), next_at)
            self._db.execute("UPDATE site SET next_at = ? WHERE site = ?", (due + delay, site))
            self._db.execute(
                "UPDATE url SET state = 'given', due = ?, given_to = ?, given = given + 1 WHERE url = ?",
                (due, message, url),
            )
            given += 1

    def _next_queued(self, site: str) -> str | None:
        row = self._db.execute(
            "SELECT url FROM url WHERE site = ? AND state = 'queued' ORDER BY depth, id LIMIT 1", (site,)
        ).fetchone()
        return None if row is None else str(row[0])

    def _budget(self) -> int:
        tally = self.tally()
        return self._plan.max_pages - tally["fetched"] - tally["given"]

    def _finish(self, message: str) -> None:
        """Nothing under way: either the crawl has its pages, or other sites may use what failures gave back."""
        tally = self.tally()
        if tally["given"] or not tally["queued"]:
            return
        if self._budget() <= 0:
            self._db.execute("UPDATE url SET state = 'left' WHERE state = 'queued'")
        else:
            self._hand_out(self._waiting_sites(), message)

    def _orders(self, message: str) -> Orders:
        fetches = self._db.execute("SELECT url, due FROM url WHERE state = 'given' AND given_to = ?", (message,))
        sites = self._db.execute("SELECT site FROM site WHERE state = 'asked' AND given_to = ?", (message,))
        return Orders(tuple(fetches), tuple(site for (site,) in sites))
