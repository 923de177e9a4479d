"""One connection of one part, and the rules that keep it safe.

1. One thread uses a link at a time. It is opened at its first use, and again after it was lost.
2. Each piece of work is one transaction, ended before `run` returns: nobody waits idle in a transaction.
3. A deadline counts for a call as a whole. SQLite keeps it by itself; a server that falls silent does not, so a timer
   closes the socket, and the driver sees the end of the connection.
4. All that is done here may be done twice: a connection that was lost while nobody used it, and a transaction that was
   undone because of another one, are repeated within the deadline.
5. In a forked child the parent's connection is put aside: closing it would say good-bye to the server in its name.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ... import clock
from .address import Address
from .faults import fault, is_lost, was_undone
from .tables import prepared

Result = TypeVar("Result")

_left_alone: Final[list[Any]] = []
"""What a parent had opened, kept in its children so that nothing finalizes it."""


class Link:
    """A connection of one part, and the table behind it.

    Args:
        address: of the database.
        table: that this link reads and writes; made when it is missing.
    """

    __slots__ = ("_address", "_columns", "_connection", "_engine", "_pid", "table")

    def __init__(self, address: Address, table: sa.Table) -> None:
        self._address = address
        self._engine = address.open()
        self._connection: sa.Connection | None = None
        self._columns: frozenset[str] = frozenset()
        self._pid = os.getpid()
        self.table = table

    @property
    def address(self) -> Address:
        """Of the database."""
        return self._address

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the table has; known once something was run."""
        return self._columns

    def run(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Do a piece of work in one transaction.

        Args:
            work: gets the connection; may be called more than once.

        Raises:
            OperationalError: it was not done, or its confirmation did not come.
        """
        if self._pid != os.getpid():
            _left_alone.append(self._connection)
            self._connection, self._pid = None, os.getpid()
        until = clock.monotonic() + self._address.timeout
        again = self._connection is not None
        while True:
            try:
                return self._once(work, until)
            except SQLAlchemyError as error:
                connected = self._connection is not None
                lost = is_lost(error) or not connected
                if lost:
                    self._drop()
                undone = was_undone(error)
                if clock.monotonic() >= until or not (undone or (lost and again)):
                    raise fault(error, self._address, connected=connected) from error
                again = again and undone
            except BaseException:  # an interruption of the caller's thread among them: an answer may be on its way
                self._drop()
                raise

    def close(self) -> None:
        """Close the connection; the next use opens another. Safe to repeat."""
        if self._pid == os.getpid():
            self._drop()

    def _once(self, work: Callable[[sa.Connection], Result], until: float) -> Result:
        if self._connection is None:
            if not self._columns:
                self._columns = prepared(self._engine, self.table)
            self._connection = self._engine.connect()
        with self._limited(self._connection, until), self._connection.begin():
            return work(self._connection)

    @contextlib.contextmanager
    def _limited(self, connection: sa.Connection, until: float) -> Iterator[None]:
        """The block ends by the deadline, if need be by an error of the driver."""
        if self._address.is_file:
            yield
            return
        number = getattr(connection.connection.driver_connection, "fileno", None)
        if number is None:  # a driver that does not show its socket has a deadline of its own, or none
            yield
            return
        lock, over = threading.Lock(), False

        def cut() -> None:
            with lock:
                if not over:  # afterwards the number may be another one's
                    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number())) as end:
                        end.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, until - clock.monotonic()), cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            with lock:
                over = True
            timer.cancel()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                connection.invalidate()
            with contextlib.suppress(SQLAlchemyError):
                connection.close()
