"""A crawl's file: opened once a process and a thread, checked, and written in short transactions."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from .plan import Plan

APPLICATION_ID: Final = 0x75637277  # "ucrw": tells a crawl's file from anybody else's
VERSION: Final = 1
PATIENCE: Final = 15.0  # seconds to wait for another writer
SUFFIX: Final = ".crawl.db"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class CrawlFileError(Exception):
    """The crawl's file is missing, somebody else's, or holds another crawl; the sentence says what to do."""


class _Opened(threading.local):
    """Connections of this thread. The process id tells those that came over a fork, which must not be used."""

    pid = 0
    held: dict[Path, tuple[int, sqlite3.Connection]]


_opened = _Opened()


def data_folder() -> Path:
    """Where crawls are kept: ``UMBEL_CRAWLER_DATA``, or ``crawls`` in the working directory."""
    return Path(os.environ.get("UMBEL_CRAWLER_DATA") or "crawls")


def path_of(crawl: str, folder: Path | None = None) -> Path:
    """The file of a crawl.

    Args:
        crawl: letters, digits, dots, dashes and underscores; it arrives in messages, so it is checked.
        folder: `data_folder` when None.

    Raises:
        CrawlFileError: the name could lead out of the folder.
    """
    if not _NAME.fullmatch(crawl):
        raise CrawlFileError(f"{crawl!r} cannot name a crawl: use letters, digits, dots, dashes and underscores.")
    return (folder or data_folder()) / f"{crawl}{SUFFIX}"


def create(path: Path, plan: Plan) -> int:
    """Make a crawl's file, or ask for another round of the crawl in it.

    Args:
        path: as `path_of` says.
        plan: what to crawl; it replaces the former one, so a further round may go deeper.

    Returns:
        Number of the round, from 1.

    Raises:
        CrawlFileError: the file holds a crawl of another start, or is not one of a crawl.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = _connect(path)
    try:
        _make(db, path)
        _check(db, path)
        with transaction(db):
            row = db.execute("SELECT plan FROM crawl").fetchone()
            if row is not None and Plan.loads(row[0]).start != plan.start:
                raise CrawlFileError(f"{path} holds a crawl of {Plan.loads(row[0]).start}: give another --name.")
            db.execute(
                "INSERT INTO crawl (only, plan, round) VALUES (1, ?, 1)"
                " ON CONFLICT DO UPDATE SET plan = excluded.plan, round = round + 1",
                (plan.dumps(),),
            )
            return int(db.execute("SELECT round FROM crawl").fetchone()[0])
    finally:
        db.close()


def _make(db: sqlite3.Connection, path: Path) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0]:
        return
    if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise CrawlFileError(f"{path} is a database of something else: give another --name.")
    db.execute("PRAGMA journal_mode = WAL")
    schema = files("umbel_crawler").joinpath("schema.sql").read_text("utf-8")
    db.executescript(
        f"BEGIN IMMEDIATE;{schema}PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {VERSION};COMMIT;"
    )


def opened(crawl: str) -> sqlite3.Connection:
    """This thread's connection to a crawl's file.

    Raises:
        CrawlFileError: there is no such file, for instance because the crawl was removed while messages of it waited.
    """
    path = path_of(crawl)
    if _opened.pid != os.getpid():
        _opened.pid, _opened.held = os.getpid(), {}
    try:
        inode = path.stat().st_ino
    except FileNotFoundError:
        raise CrawlFileError(f"There is no crawl {crawl!r} in {path.parent.resolve()}.") from None
    held = _opened.held.get(path)
    if held is None or held[0] != inode:  # another file of the same name is another crawl
        held = _opened.held[path] = (inode, existing(path))
    return held[1]


def existing(path: Path) -> sqlite3.Connection:
    """A new connection to a crawl's file that is there.

    Raises:
        CrawlFileError: it is not there, or is not a crawl's file.
    """
    if not path.is_file():
        raise CrawlFileError(f"There is no crawl in {path}.")
    db = _connect(path)
    _check(db, path)
    return db


def plan_of(db: sqlite3.Connection) -> Plan:
    """What the crawl in this file is to do."""
    return Plan.loads(db.execute("SELECT plan FROM crawl").fetchone()[0])


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. It takes the right to write at once, so two writers wait for each other instead of failing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        raise CrawlFileError(f"{path} cannot be opened: {error}.") from None
    except sqlite3.DatabaseError:
        raise CrawlFileError(f"{path} is not a database: give another --name.") from None
    return db


def _check(db: sqlite3.Connection, path: Path) -> None:
    found = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if found != APPLICATION_ID:
        raise CrawlFileError(f"{path} is a database of something else: give another --name.")
    if version != VERSION:
        raise CrawlFileError(
            f"{path} was written by another version of umbel-crawler ({version}): give another --name."
        )
