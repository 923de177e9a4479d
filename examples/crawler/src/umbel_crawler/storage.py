"""Pages, links and errors, written so that a second delivery of a report changes nothing; and what one asks them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from .database import transaction
from .messages import Report


@dataclass(frozen=True, slots=True)
class Found:
    """One hit of a search."""

    url: str
    title: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A link that leads nowhere: its target, why, one page that has it, and how many have it."""

    target: str
    reason: str
    source: str
    sources: int


@dataclass(frozen=True, slots=True)
class Node:
    """What one crawler node has done: its name, pages, errors, and the unix time of its last report."""

    worker: str
    pages: int
    errors: int
    last: float


class Storage:
    """One crawl's pages.

    Args:
        db: connection to the crawl's file.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def save(self, report: Report) -> bool:
        """Keep what came of a fetch.

        Args:
            report: from a crawler node.

        Returns:
            True when it is news; False when the page was there, or when an error comes after a page or the same error.
        """
        with transaction(self._db):
            return self._save_error(report) if report.error else self._save_page(report)

    def _save_page(self, report: Report) -> bool:
        row = self._db.execute(
            "INSERT INTO page (url, status, kind, title, size, seconds, at, worker, attempts, again, moved_to, broken)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (url) DO NOTHING RETURNING id",
            (
                *(report.url, report.status, report.kind, report.title, report.size, report.seconds, report.at),
                *(report.worker, report.attempts, report.again, report.moved_to, report.broken),
            ),
        ).fetchone()
        if row is None:
            return False
        self._db.executemany(
            "INSERT OR IGNORE INTO link (source, target) VALUES (?, ?)", [(report.url, each) for each in report.links]
        )
        self._db.execute(
            "INSERT INTO page_text (rowid, title, text) VALUES (?, ?, ?)", (row[0], report.title, report.text)
        )
        self._db.execute("DELETE FROM error WHERE url = ?", (report.url,))
        self._count(report, pages=1, errors=0)
        return True

    def _save_error(self, report: Report) -> bool:
        if self.has(report.url):
            return False
        new = self._db.execute(
            "INSERT INTO error (url, status, reason, at, worker, attempts) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (url) DO NOTHING",
            (report.url, report.status, report.error, report.at, report.worker, report.attempts),
        ).rowcount
        if new:
            self._count(report, pages=0, errors=1)
        return bool(new)

    def _count(self, report: Report, *, pages: int, errors: int) -> None:
        self._db.execute(
            "INSERT INTO node (worker, pages, errors, last) VALUES (?, ?, ?, ?) ON CONFLICT (worker) DO UPDATE SET"
            " pages = pages + excluded.pages, errors = errors + excluded.errors, last = excluded.last",
            (report.worker, pages, errors, report.at + report.seconds),
        )

    def has(self, url: str) -> bool:
        """Whether there is a page for this URL."""
        return self._db.execute("SELECT 1 FROM page WHERE url = ?", (url,)).fetchone() is not None

    def pages(self) -> set[str]:
        """URLs of the pages, redirects left out."""
        return {url for (url,) in self._db.execute("SELECT url FROM page WHERE moved_to = ''")}

    def fetched_again(self) -> int:
        """Pages whose message had been held by a node that was lost."""
        return int(self._db.execute("SELECT count(*) FROM page WHERE again").fetchone()[0])

    def errors(self) -> int:
        """URLs for which there is an error."""
        return int(self._db.execute("SELECT count(*) FROM error").fetchone()[0])

    def nodes(self) -> list[Node]:
        """Crawler nodes that have reported, by name."""
        return [Node(*row) for row in self._db.execute("SELECT worker, pages, errors, last FROM node ORDER BY worker")]

    def slowest(self, limit: int = 5) -> list[tuple[str, float, int]]:
        """The slowest pages: (url, seconds, bytes)."""
        return list(
            self._db.execute("SELECT url, seconds, size FROM page ORDER BY seconds DESC, url LIMIT ?", (limit,))
        )

    def broken(self, limit: int = 10) -> list[Broken]:
        """Links to what could not be fetched, or to a page that says that there is nothing; by target."""
        rows = self._db.execute(
            "WITH bad (url, reason) AS ("
            " SELECT url, reason FROM error UNION ALL SELECT url, title FROM page WHERE broken)"
            " SELECT bad.url, bad.reason, coalesce(min(link.source), ''), count(link.source)"
            " FROM bad LEFT JOIN link ON link.target = bad.url GROUP BY bad.url ORDER BY bad.url LIMIT ?",
            (limit,),
        )
        return [Broken(*row) for row in rows]

    def broken_count(self) -> int:
        """How many URLs `broken` would list without a limit."""
        return int(self._db.execute("SELECT count(*) FROM page WHERE broken").fetchone()[0]) + self.errors()

    def search(self, words: str, limit: int = 5) -> list[Found]:
        """Pages that have all the words, best first; the last word may be the beginning of one.

        Args:
            words: as a person types them; no character has a meaning of its own.
            limit: most hits.
        """
        quoted = ['"' + word.replace('"', '""') + '"' for word in words.split()]
        if not quoted:
            return []
        rows = self._db.execute(
            "SELECT page.url, page.title, snippet(page_text, 1, '[', ']', ' ... ', 12)"
            " FROM page_text JOIN page ON page.id = page_text.rowid"
            " WHERE page_text MATCH ? ORDER BY bm25(page_text, 8.0, 1.0) LIMIT ?",
            (" ".join(quoted) + "*", limit),
        )
        return [Found(*row) for row in rows]
