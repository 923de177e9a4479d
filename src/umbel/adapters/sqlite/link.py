"""One connection to the store's file, and the three rules that keep it safe.

1. No write transaction spans two calls into Python. apsw gives the interpreter lock back while SQLite works and takes
   it again for each row; a thread that computes could keep it for seconds, and with BEGIN ... COMMIT the file's write
   lock as long. So `Link.write` takes one statement, in autocommit, that returns no row: when it comes back to Python,
   it is committed and the lock is free. (Only making and migrating a store is exempt, `migrate.py`.)
2. No connection is alive at a fork. SQLite keeps what the *process* has locked in tables that a fork copies, while the
   system's locks are not copied: a child that opens a new connection would believe that it holds locks that it does
   not have. So all connections are closed before a fork, and each part opens a new one at its next call.
3. Waiting for a lock is ours: SQLite's own waits grow to 100 ms (measured: 34-430 ms tails with three writers), ours
   starts at 50 microseconds and ends at the deadline of the call (7-18 ms tails).
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Any, Final

import apsw

from ...clock import monotonic
from . import location, migrate
from .address import Address
from .faults import translated

Rows = list[tuple[Any, ...]]

_SPIN: Final = 100
"""Waits of 50 microseconds before they grow."""

_opening = threading.Lock()
_links: weakref.WeakSet[Link] = weakref.WeakSet()


class Link:
    """A connection of one part, opened at its first use; one thread uses it at a time."""

    __slots__ = ("__weakref__", "_address", "_connection", "_lock", "_until", "mark")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: apsw.Connection | None = None
        self._lock = threading.Lock()
        self._until = 0.0
        self.mark: object = None
        _links.add(self)

    def read(self, sql: str, bindings: Sequence[Any] = (), timeout: float | None = None) -> Rows:
        """All rows of one statement that only reads."""
        with self._lock:
            return self._run(sql, bindings, timeout)

    def write(self, sql: str, bindings: Sequence[Any] = (), timeout: float | None = None, *, keep: bool = True) -> int:
        """Run one statement that writes and returns nothing; it is committed when this returns.

        Args:
            sql: a single statement.
            bindings: its values.
            timeout: seconds to wait for the file, the store's own unless given.
            keep: whether its compiled form is worth keeping.

        Returns:
            number of rows that it changed, those of its triggers included.

        Raises:
            OperationalError: nothing of it happened.
        """
        with self._lock:
            before = self._connection.total_changes() if self._connection is not None else 0
            self._run(sql, bindings, timeout, keep)
            assert self._connection is not None
            return self._connection.total_changes() - before

    def close(self) -> None:
        """Give the connection back; the next use opens a new one."""
        with self._lock:
            self._drop()

    def _run(self, sql: str, bindings: Sequence[Any], timeout: float | None, keep: bool = True) -> Rows:
        self._until = monotonic() + (self._address.timeout if timeout is None else timeout)
        connection = self._connection
        try:
            if connection is None:
                connection = self._open()
            return connection.execute(sql, bindings, can_cache=keep).fetchall()
        except apsw.Error as error:
            number = connection.system_errno if connection is not None else 0
            raise translated(error, self._address.path, number) from error

    def _open(self) -> apsw.Connection:
        """A new connection to a store that exists and has our schema."""
        with _opening:
            location.prepare(self._address.path)
            connection = apsw.Connection(self._address.path, statementcachesize=64)
            try:
                connection.set_busy_handler(self._busy)
                self._configure(connection)
            except BaseException:
                connection.close(force=True)
                raise
        self._connection = connection
        return connection

    def _configure(self, connection: apsw.Connection) -> None:
        migrate.bring_up(connection, self._address.path)
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._address.durability == 'full' else 'NORMAL'}")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")  # 16 MB; 1000 costs 20 %, 16000 has 60 ms tails
        connection.execute("PRAGMA journal_size_limit = 33554432")
        connection.execute("PRAGMA mmap_size = 0")
        connection.execute("PRAGMA cache_size = -8192")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA recursive_triggers = OFF")

    def _busy(self, tried: int) -> bool:
        """SQLite asks: wait once more?"""
        left = self._until - monotonic()
        if left <= 0:
            return False
        time.sleep(min(left, 0.00005 if tried < _SPIN else 0.0005))
        return True

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(force=True)


def _before_fork() -> None:
    for link in list(_links):
        link._lock.acquire()  # noqa: SLF001
        link._drop()  # noqa: SLF001


def _after_fork() -> None:
    for link in list(_links):
        if link._lock.locked():  # noqa: SLF001
            link._lock.release()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
