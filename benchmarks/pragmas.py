"""How a connection to SQLite is opened: as umbel's own store opens its file (a test compares the two)."""

from __future__ import annotations

import time

import apsw

DEADLINE = 10.0

NAMES = (
    "page_size",
    "auto_vacuum",
    "journal_mode",
    "synchronous",
    "wal_autocheckpoint",
    "journal_size_limit",
    "mmap_size",
    "cache_size",
    "temp_store",
    "recursive_triggers",
)
"""What must be equal."""


class Patience:
    """The busy handler: naps of 50 microseconds, a hundred of them, then of half a millisecond, up to the deadline."""

    def __init__(self) -> None:
        self.until = 0.0

    def __call__(self, tried: int) -> bool:
        now = time.monotonic()
        if tried == 0:
            self.until = now + DEADLINE
        time.sleep(0.00005 if tried < 100 else 0.0005)
        return now < self.until


def apply(connection: apsw.Connection) -> None:
    """Set them; on a new file, before its first table."""
    connection.set_busy_handler(Patience())
    connection.execute("PRAGMA page_size = 4096")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 33554432")
    connection.execute("PRAGMA mmap_size = 0")
    connection.execute("PRAGMA cache_size = -8192")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA recursive_triggers = OFF")


def read(connection: apsw.Connection) -> dict[str, object]:
    """What they are."""
    return {name: connection.execute(f"PRAGMA {name}").get for name in NAMES}
