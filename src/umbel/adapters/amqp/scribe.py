"""Reads and writes the ledger (`ledger`): a stream queue that keeps its entries, however often they are read.

Whoever opens it reads it whole first, up to an entry of his own, so that he knows everything that was written before.
From then on the server pushes what is new. An entry is written for good when it is read back: then its place among the
others is known too.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from pika.spec import BasicProperties

from ... import clock, ids
from ...exceptions import StoreUnavailable, StoreUnsuitable
from .address import Address
from .faults import Refused, Unfit, unanswered
from .feed import LATE
from .fields import properties
from .ledger import Begun, Entry, Ledger, decoded, encoded
from .link import Link

STREAM: Final = "umbel.revoked"

ARGUMENTS: Final = {"x-queue-type": "stream", "x-max-age": "7D", "x-stream-max-segment-size-bytes": 1_000_000}
"""Segments are small, because only whole ones are removed when they are too old."""

_AHEAD: Final = 500  # entries on their way to us that we have not confirmed


class Scribe:
    """The ledger of one virtual host, as one broker object sees it.

    Args:
        address: of the server.
    """

    def __init__(self, address: Address) -> None:
        self.ledger = Ledger()
        self.link = Link(address, "umbel ledger")
        self._parts: set[int] = set()
        self._life = 0
        self._awaited: set[str] = set()
        self._next = 0
        self._names = itertools.count(ids.nonce())

    def sync(self, until: float) -> Ledger:
        """The ledger with everything in it that was written before this call began."""
        self.append((Begun(),), until)
        return self.ledger

    def glance(self, until: float) -> Ledger:
        """The ledger as far as it has come: without a question to the server once it has been read."""
        with self.link:
            if not self._ready(until):
                self.link.drive(lambda: False, clock.monotonic())
            return self.ledger

    def append(self, entries: Sequence[Entry], until: float) -> None:
        """Write entries and read them back, with everything before them.

        Raises:
            OperationalError: nobody knows whether they are written.
        """
        with self.link:
            self._ready(until)
            self._write(entries, until)

    def share(self, part: object) -> None:
        """A part uses it from now on."""
        self._parts.add(id(part))

    def release(self, part: object) -> None:
        """A part does not need it any more; without parts it has no connection."""
        self._parts.discard(id(part))
        if not self._parts:
            self.link.close()

    def _write(self, entries: Sequence[Entry], until: float) -> None:
        channel = self.link.channel(until)
        names = [f"{next(self._names):x}" for _ in entries]
        self._awaited = set(names)
        for name, entry in zip(names, entries, strict=True):
            channel.basic_publish("", STREAM, encoded(entry), properties(message_id=name, delivery_mode=2))
        if not self.link.drive(lambda: not self._awaited, until):
            self.link.drop(LATE)
            raise unanswered(self.link.address, LATE)

    def _ready(self, until: float) -> bool:
        """Have a consumer that has read everything; True when it had to be made."""
        channel = self.link.channel(until)
        if self.link.life == self._life:
            return False
        try:
            self.link.ask(
                lambda own, reply: own.queue_declare(STREAM, durable=True, arguments=ARGUMENTS, callback=reply),
                until, aside=True,
            )  # fmt: skip
        except Unfit as error:
            raise StoreUnsuitable(
                f"{self.link.address} cannot keep the stream {STREAM!r} ({error.text}); use RabbitMQ 3.9 or newer with "
                "the feature flag stream_queue enabled."
            ) from error
        except Refused as error:  # the node of the stream is not up yet
            raise StoreUnavailable(f"{self.link.address} is up but not ready yet ({error.text}); try again.") from error
        self.link.ask(lambda own, reply: own.basic_qos(prefetch_count=_AHEAD, callback=reply), until)
        self.link.ask(
            lambda own, reply: own.basic_consume(
                STREAM, self._learn, arguments={"x-stream-offset": self._next or "first"}, callback=reply
            ), until,
        )  # fmt: skip
        self._write((Begun(),), until)
        self._life = self.link.life
        return channel is not None

    def _learn(self, channel: Any, method: Any, told: BasicProperties, body: bytes) -> None:
        channel.basic_ack(method.delivery_tag)
        offset = int((told.headers or {}).get("x-stream-offset", self._next))
        self._awaited.discard(told.message_id or "")
        if offset < self._next:  # a stream begins anywhere in what it has stored together
            return
        self._next = offset + 1
        try:
            self.ledger.learn(decoded(body), offset, clock.monotonic())
        except msgspec.DecodeError:  # of a later release, or a stranger's
            return
