"""One connection to the store's file, and the rules that keep it safe.

1. No write transaction spans two calls into Python. The library gives the interpreter lock back while SQLite works and
   takes it again for each row; a thread that computes could keep it for seconds, and with BEGIN ... COMMIT the file's
   write lock as long. So `Link.write` takes one statement, in autocommit, that returns no row: when it comes back to
   Python, it is committed and the lock is free. (Only making and migrating a store is exempt, `migrate`.)
2. No connection is alive at a fork (`forks`).
3. Waiting for a lock is ours: SQLite's own waits grow to 100 ms (measured: 34-430 ms tails with three writers), ours
   start at 50 microseconds and end at the deadline of the call (7-18 ms tails).
4. A file that was removed or replaced is not written any more: once a second the path is compared with what is open.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from ... import clock
from . import forks, location, migrate
from .address import Address
from .faults import translated

Rows = list[tuple[Any, ...]]

_SPIN: Final = 200
"""Waits of 50 microseconds before they grow."""

_REST: Final = 0.003
"""Seconds that the short step of a checkpoint waits for writers and readers."""

_LOOK: Final = 1.0
"""Seconds between looks at what the path names."""

_preparing: Final = threading.Lock()


class Link:
    """A connection of one part, opened at its first use; one thread uses it at a time."""

    __slots__ = ("__weakref__", "_address", "_connection", "_file", "_look", "_until", "lock")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: apsw.Connection | None = None
        self._file = (0, 0)
        self._look = 0.0
        self._until = 0.0
        self.lock = threading.Lock()
        forks.watch(self)

    def read(self, sql: str, bindings: Sequence[Any] = (), timeout: float | None = None) -> Rows:
        """All rows of one statement that only reads.

        Raises:
            OperationalError: it could not.
        """
        with self.lock:
            try:
                return self._ready(timeout).execute(sql, bindings).fetchall()
            except apsw.Error as error:
                raise translated(error, self._address.path, self._errno()) from error

    def write(self, sql: str, bindings: Sequence[Any] = (), timeout: float | None = None) -> int:
        """Run one statement that writes and returns nothing; it is committed when this returns.

        Args:
            sql: a single statement.
            bindings: its values.
            timeout: seconds to wait for the file, the store's own unless given.

        Returns:
            number of rows that it changed, those of its triggers included.

        Raises:
            OperationalError: nothing of it happened.
        """
        with self.lock:
            try:
                connection = self._ready(timeout)
                before = connection.total_changes()
                connection.execute(sql, bindings)
                return connection.total_changes() - before
            except apsw.Error as error:
                raise translated(error, self._address.path, self._errno()) from error

    def checkpoint(self, above: int) -> None:
        """Bring the write-ahead log into the file when more than so many of its pages wait for that.

        What was written meanwhile follows in a second, short step that keeps writers out: only when nothing is left
        does the log begin anew, and a log that grows on makes every writer do this at each commit.

        Raises:
            OperationalError: it could not, for a reason other than that somebody else is at it.
        """
        with self.lock:
            try:
                connection = self._ready(None)
                pages, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
                if pages - moved > above:
                    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                    self._until = clock.monotonic() + _REST
                    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)
            except apsw.BusyError:
                return
            except apsw.Error as error:
                raise translated(error, self._address.path, self._errno()) from error

    def close(self) -> None:
        """Give the connection back; the next use opens a new one."""
        with self.lock:
            self.drop()

    def drop(self) -> None:
        """See `forks.Closable`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(force=True)

    def abandon(self) -> object:
        """See `forks.Closable`."""
        connection, self._connection = self._connection, None
        self.lock = threading.Lock()
        return connection

    def _ready(self, timeout: float | None) -> apsw.Connection:
        """The connection, with the deadline of this call."""
        now = clock.monotonic()
        self._until = now + (self._address.timeout if timeout is None else timeout)
        if self._connection is not None:
            if now < self._look:
                return self._connection
            self._look = now + _LOOK
            if _identity(self._address.path) == self._file:
                return self._connection
            self.drop()
        self._connection = self._open()
        self._file = _identity(self._address.path)
        self._look = now + _LOOK
        return self._connection

    def _open(self) -> apsw.Connection:
        """A new connection to a store that exists and has our schema."""
        with _preparing:
            location.prepare(self._address.path)
        connection = apsw.Connection(self._address.path, statementcachesize=64)
        try:
            connection.set_busy_handler(self._busy)
            # Plans never depend on bound values; otherwise each call compiles its statement anew (6-12 microseconds).
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            self._bring_up(connection)
            connection.execute(f"PRAGMA synchronous = {self._address.durability}")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")  # 16 MB; 4 cost 20 %, 64 have tails of 60 ms
            connection.execute("PRAGMA journal_size_limit = 33554432")
            connection.execute("PRAGMA mmap_size = 0")
            connection.execute("PRAGMA cache_size = -8192")
            connection.execute("PRAGMA temp_store = MEMORY")
        except BaseException:
            connection.close(force=True)
            raise
        return connection

    def _bring_up(self, connection: apsw.Connection) -> None:
        """Make or check the schema. While several make a new file, SQLite's switch to the write-ahead log is refused
        to all but one without asking the busy handler, so this waits by itself.
        """
        tried = 0
        while True:
            try:
                return self._layout(connection)
            except apsw.BusyError:
                if not self._busy(tried):
                    raise
                tried += 1

    def _layout(self, connection: apsw.Connection) -> None:
        migrate.bring_up(connection, self._address.path)

    def _busy(self, tried: int) -> bool:
        """SQLite asks: wait once more?"""
        left = self._until - clock.monotonic()
        if left <= 0:
            return False
        time.sleep(min(left, 0.00005 if tried < _SPIN else 0.0005))
        return True

    def _errno(self) -> int:
        return 0 if self._connection is None else self._connection.system_errno


def _identity(path: str) -> tuple[int, int]:
    try:
        status = Path(path).stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
