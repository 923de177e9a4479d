"""Events over a second file beside the store's, `<db>.events`: a ring of messages that every listener reads for itself.

The file is made by the first who listens; while nobody does, nothing is written. It is not forced to the disk
(`synchronous = OFF`): what it holds is of no use after a power loss. Listeners are woken as readers of results are
(`bells`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw
import msgspec

from ... import clock
from ...monitor import News
from ...utils.topic import fits
from .address import Address
from .bells import Bell, listened, ring_waiters
from .link import Link
from .statements import named
from .values import inserted

_SQL: Final = named("events.sql")
_TOPIC: Final = "umbel:events"

PAGE: Final = 1000
"""Messages of one look."""


class EventLink(Link):
    """A connection to a file of events."""

    __slots__ = ()

    def _layout(self, connection: apsw.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(_SQL["layout"])

    def _open(self) -> apsw.Connection:
        connection = super()._open()
        connection.execute("PRAGMA synchronous = OFF")
        return connection


class SqliteMonitor:
    """See `umbel.monitor.Monitor`."""

    __slots__ = ("_address", "_bell", "_link", "_pattern", "_seen")

    def __init__(self, address: Address) -> None:
        self._address = msgspec.structs.replace(address, path=f"{address.path}.events")
        self._link = EventLink(self._address)
        self._bell: Bell | None = None
        self._pattern = ""
        self._seen = 0

    def tell(self, news: Sequence[News]) -> bool:
        if not Path(self._address.path).exists() or not listened(self._link, _TOPIC):
            return False
        rows = [(one.key, one.node, one.content_type, one.content_encoding, one.body) for one in news]
        self._link.write(*inserted(_SQL["tell"], rows))
        ring_waiters(self._link, self._address.path, [_TOPIC])
        return True

    def listen(self, pattern: str = "#") -> None:
        self._pattern = pattern
        if self._bell is None:
            self._bell = Bell(self._address, self._link)
        self._bell.add([_TOPIC])
        self._seen = self._link.read(_SQL["newest"])[0][0]

    def hear(self, timeout: float, wake: int = -1) -> list[News]:
        if self._bell is None:
            self.listen()
        assert self._bell is not None
        end = clock.monotonic() + timeout
        while True:
            heard = self._look()
            left = end - clock.monotonic()
            if heard or left <= 0 or (not self._bell.wait(left, wake) and clock.monotonic() < end):
                return heard or self._look()

    def close(self) -> None:
        if self._bell is not None:
            self._bell.close()
            self._bell = None
        self._link.close()

    def _look(self) -> list[News]:
        """What is above the last number, as far as it is wanted here."""
        heard: list[News] = []
        while rows := self._link.read(_SQL["heard"], (self._seen, PAGE)):
            self._seen = rows[-1][0]
            heard += [News(key, node, body, kind, code) for _, key, node, kind, code, body in rows]
            if len(rows) < PAGE:
                break
        return [one for one in heard if fits(self._pattern, one.key)]
