"""Waiting for results over one connection, for any number of ids: a subscription to each result's channel.

`add` returns when the server has confirmed the subscriptions, so a look after it misses nothing: what is stored later
is told. When the connection was lost, the ids are subscribed again and the sleeper is woken, because something may have
been told meanwhile. A connection that has been silent for long is asked for a sign of life.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ... import clock
from ...exceptions import OperationalError
from .address import Address
from .faults import Closed, refused, unanswered
from .route import opened
from .wire import NOTHING, Wire, Word, packed

_STEP: Final = 1000
"""Channels of one command."""

_SILENCE: Final = 15.0
"""Seconds without a word after which the server is asked whether it is there."""


class RedisWatch:
    """See `umbel.backend.Watch`.

    Args:
        address: of the server.
        channel: gives the channel of a task id.
    """

    __slots__ = ("_address", "_asked", "_channel", "_channels", "_heard", "_news", "_wire")

    def __init__(self, address: Address, channel: Callable[[str], str]) -> None:
        self._address = address
        self._channel = channel
        self._channels: set[bytes] = set()
        self._wire: Wire | None = None
        self._news = False
        self._heard = 0.0
        self._asked = False

    def add(self, ids: Iterable[str]) -> None:
        new = {self._channel(task_id).encode() for task_id in ids} - self._channels
        if not new:
            return
        until = clock.monotonic() + self._address.timeout
        earlier, self._channels = self._channels, self._channels | new
        try:
            if self._wire is not None:
                with contextlib.suppress(Closed):
                    self._subscribe(self._wire, new, until)
                    return
            self._connect(until)
            self._news = bool(earlier)
        except BaseException:
            self._channels = earlier
            self._drop()
            raise

    def discard(self, ids: Iterable[str]) -> None:
        old = {self._channel(task_id).encode() for task_id in ids} & self._channels
        self._channels -= old
        if old and self._wire is not None:
            try:
                self._command(self._wire, b"UNSUBSCRIBE", list(old), clock.monotonic() + self._address.timeout)
            except OperationalError:  # the next one begins with those that are left
                self._drop()

    def wait(self, timeout: float, wake: int = -1) -> bool:
        until = clock.monotonic() + timeout
        if not self._news:
            try:
                self._listen(until, wake)
            except OperationalError:  # the caller looks, and is told what is wrong, or finds what it waits for
                self._drop()
                self._news = self._again(until, wake)
        news, self._news = self._news, False
        return news

    def close(self) -> None:
        self._channels.clear()
        self._drop()

    def _listen(self, until: float, wake: int) -> None:
        """Take what is there, or sleep until something comes."""
        wire = self._wire
        if wire is None:
            raise Closed("There is no connection yet.", sent=False)
        now = clock.monotonic()
        if now - self._heard > _SILENCE:
            if self._asked:
                raise unanswered(self._address, "no sign of life")
            self._asked, self._heard = True, now - _SILENCE + self._address.timeout
            wire.send(packed(self._question()), now + self._address.timeout)
        while not self._news:
            if not self._take(wire, until, wake):
                return
        while self._take(wire, 0.0):  # what else has come is the same news
            pass

    def _take(self, wire: Wire, until: float, wake: int = -1) -> bool:
        """Read one reply; False when none came."""
        reply = wire.receive(until, wake)
        if reply is NOTHING:
            return False
        if isinstance(reply, Exception):
            raise refused(reply, self._address)
        self._heard, self._asked = clock.monotonic(), False
        if isinstance(reply, list) and reply[:1] == [b"message"] and reply[1] in self._channels:
            self._news = True
        return True

    def _question(self) -> tuple[Word, ...]:
        """A sign of life. A node of a cluster is asked for one of our keys: it may have been taken out of the cluster,
        and then it lives, but hears of nothing.
        """
        return ("EXISTS", self._channel("")) if self._address.nodes else ("PING",)

    def _again(self, until: float, wake: int) -> bool:
        """Connect again; where that fails, sleep out the time."""
        try:
            self._connect(max(until, clock.monotonic() + self._address.timeout / 10))
        except OperationalError:
            self._drop()
            poll = select.poll()
            if wake >= 0:
                poll.register(wake, select.POLLIN)
            poll.poll(max(0.0, until - clock.monotonic()) * 1000)
            return False
        return True

    def _connect(self, until: float) -> None:
        """A new connection with all subscriptions."""
        self._drop()
        self._wire = opened(self._address, until)
        self._heard, self._asked = clock.monotonic(), False
        if self._address.nodes:  # what takes any command beside subscriptions, see `_question`
            reply = self._wire.ask(("HELLO", 3), until)
            if isinstance(reply, Exception):
                raise refused(reply, self._address)
        self._subscribe(self._wire, self._channels, until)

    def _subscribe(self, wire: Wire, channels: Iterable[bytes], until: float) -> None:
        """Subscribe and wait until the server has confirmed each channel."""
        left = set(channels)
        self._command(wire, b"SUBSCRIBE", list(left), until)
        while left:
            reply = wire.receive(until)
            if reply is NOTHING:
                raise unanswered(self._address, "no answer before the deadline")
            if isinstance(reply, Exception):
                raise refused(reply, self._address)
            self._heard, self._asked = clock.monotonic(), False
            kind = reply[0] if isinstance(reply, list) else None  # or it is the answer to a `_question`
            if kind == b"subscribe":
                left.discard(reply[1])
            elif kind == b"message":
                self._news = True

    def _command(self, wire: Wire, name: bytes, channels: Sequence[bytes], until: float) -> None:
        steps = [packed((name, *channels[at : at + _STEP])) for at in range(0, len(channels), _STEP)]
        wire.send(b"".join(steps), until)

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
