"""The ear: sleeps until a key may have changed, or a file descriptor becomes readable.

The server is asked to remember which keys this connection has read (`CLIENT TRACKING`) and says so when one of them is
written, by whomever: a producer of Celery's wakes an umbel worker as one of umbel's does. Reading arms the ear. The
server's word about a change may come before the sleep begins: between two replies of the reading, or with its last one.
It counts there as it does during the sleep; only what was said before the first reply is over, because everything is
read again after it.
"""

from __future__ import annotations

import contextlib
import select
import time
from typing import Any, Final

from ... import clock
from ...exceptions import StoreUnsuitable
from .faults import Closed, NotNow, refused, unanswered
from .link import Link
from .route import PAUSE
from .wire import NOTHING, Wire, Word, packed

_NEWS: Final = (b"invalidate", b"message", b"pmessage", b"subscribe", b"psubscribe")


class Ear:
    """One sleeper's connection.

    Args:
        link: a connection of its own.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._wire: Wire | None = None
        self._changed = False
        self._channels: tuple[tuple[str, ...], tuple[str, ...]] = (), ()
        self._told: list[tuple[str, bytes]] = []

    def listen(self, channels: tuple[str, ...], patterns: tuple[str, ...] = ()) -> None:
        """From the next reading on, also what is published there ends a sleep; `told` has it. Safe to repeat."""
        if (channels, patterns) != self._channels:
            self.close()
            self._channels = channels, patterns

    def told(self) -> list[tuple[str, bytes]]:
        """What was published since the last time, each with its channel."""
        told, self._told = self._told, []
        return told

    def read(self, *commands: tuple[Word, ...]) -> list[Any]:
        """Run commands that only read; from now on a change of what they read ends the next `sleep`.

        Raises:
            OperationalError: the server cannot be asked.
        """
        try:
            if self._wire is not None:
                return self._asked(self._wire, commands)
        except (Closed, NotNow):  # a question may be asked again: nobody used it, or another server has the keys
            self.close()
        until = self._link.until(None)
        while True:
            try:
                return self._reopened(commands, until)
            except NotNow:
                self.close()
                if not self._link.address.nodes or clock.monotonic() + PAUSE >= until:
                    raise
                time.sleep(PAUSE)

    def _reopened(self, commands: tuple[tuple[Word, ...], ...], until: float) -> list[Any]:
        """Ask by a new connection, which has told the server what it wants to hear of."""
        wire = self._link.wire(until)
        try:
            self._asked(wire, (("HELLO", 3), ("CLIENT", "TRACKING", "ON")))
            for command, channels in zip((b"SUBSCRIBE", b"PSUBSCRIBE"), self._channels, strict=True):
                if channels:
                    self._subscribe(wire, (command, *channels), until)
            replies = self._asked(wire, commands)
        except Closed as error:
            self.close()
            raise unanswered(self._link.address, error) from error
        self._wire = wire
        return replies

    def quiet(self) -> bool:
        """Whether it listens, and nothing has been said since the last reading."""
        return self._wire is not None and not self._changed and not self._told

    def lost(self) -> bool:
        """Whether there is no connection: nothing is heard until the next reading."""
        return self._wire is None

    def sleep(self, timeout: float, wake: int = -1) -> None:
        """Sleep until something that was read has changed, ``wake`` is readable, or ``timeout`` seconds have passed."""
        wire = self._wire
        if wire is None or not self.quiet():
            return
        try:
            self._noticed(wire.receive(clock.monotonic() + timeout, wake))
        except Closed:
            self.close()

    def close(self) -> None:
        """Close the connection; the next reading opens another. Safe to repeat."""
        self._wire = None
        self._link.close()

    def _asked(self, wire: Wire, commands: tuple[tuple[Word, ...], ...]) -> list[Any]:
        until = self._link.until(None)
        try:
            wire.send(b"".join(map(packed, commands)), until)
            first = self._answer(wire, until)
            self._changed = False
            return [first, *(self._answer(wire, until) for _ in commands[1:])]
        except BaseException:
            self.close()
            raise

    def _subscribe(self, wire: Wire, command: tuple[Word, ...], until: float) -> None:
        """What confirms it comes as news, so a question behind it says that it is done. A user may lack the right."""
        wire.send(packed(command) + packed(("PING",)), until)
        with contextlib.suppress(StoreUnsuitable):
            if self._answer(wire, until) == b"PONG":
                return
        self._answer(wire, until)

    def _noticed(self, reply: Any) -> bool:
        """Whether it is news and no answer: about a key, or from the channel."""
        kind = reply[0] if isinstance(reply, list) and reply else None
        if kind == b"invalidate":
            self._changed = True
        elif kind in (b"message", b"pmessage"):
            self._told.append((reply[-2].decode(), reply[-1]))
        return kind in _NEWS

    def _answer(self, wire: Wire, until: float) -> Any:
        """The next reply; what the server says about keys on the way is remembered."""
        while True:
            reply = wire.receive(until)
            if reply is NOTHING:
                raise unanswered(self._link.address, "no answer before the deadline")
            if self._noticed(reply):
                continue
            if isinstance(reply, Exception):
                raise refused(reply, self._link.address)
            return reply


def left(deadline: float) -> float:
    """Seconds until a monotonic moment, at least 0."""
    return max(0.0, deadline - clock.monotonic())


def readable(descriptor: int) -> bool:
    """Whether a caller's descriptor has something to read; False for none (-1)."""
    if descriptor < 0:
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
