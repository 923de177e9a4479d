"""The summary at the end of a crawl, as plain text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from .storage import Storage
from .watch import Snapshot


def summary(db: sqlite3.Connection, last: Snapshot, path: Path) -> Iterator[str]:
    """What a crawl has found, line by line.

    Args:
        db: connection to the crawl's file.
        last: its last moment.
        path: the file, for the reader.
    """
    storage = Storage(db)
    yield f"{last.pages} pages stored in {path}, {last.errors} errors, {last.refused} URLs refused by robots.txt"
    if last.fresh:
        yield f"took {last.elapsed:.1f} s, {last.fresh / last.elapsed:.1f} pages/s"
    yield "by " + ", ".join(f"{node.worker} {node.pages}" for node in storage.nodes())
    yield ""
    yield from _broken(storage)
    yield from _slowest(storage)


def search(db: sqlite3.Connection, words: str, limit: int = 5) -> Iterator[str]:
    """Hits of a search, two lines each."""
    hits = Storage(db).search(words, limit)
    if not hits:
        yield f"no page has {words!r}"
    for hit in hits:
        yield f"  {hit.title or hit.url}"
        yield f"      {hit.url}  {hit.excerpt}"


def _broken(storage: Storage, limit: int = 5) -> Iterator[str]:
    count = storage.broken_count()
    yield f"broken links: {count or 'none'}"
    for each in storage.broken(limit):
        more = f" and {each.sources - 1} more" if each.sources > 1 else ""
        yield f"  {each.target}"
        yield f"      {each.reason}" + (f"; linked from {each.source}{more}" if each.source else "")
    if count > limit:
        yield f"  ... and {count - limit} more"
    yield ""


def _slowest(storage: Storage) -> Iterator[str]:
    yield "slowest pages:"
    for url, seconds, size in storage.slowest():
        yield f"  {seconds:6.2f} s  {size / 1000:7.1f} kB  {url}"
