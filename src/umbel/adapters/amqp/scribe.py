"""Reads and writes the ledger (`ledger`): a stream queue that keeps its entries, however often they are read.

Whoever opens it reads it whole first, up to an entry of his own, so that he knows everything that was written before.
From then on the server pushes what is new. An entry is written for good when it is read back: then its place among the
others is known too.

It is written over another connection than it is read from (`outbox`). While the server takes no messages at all the
stream is read to its end instead: nobody else can write either, so what stands there is what everybody knows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import msgspec
from pika.spec import BasicProperties

from ... import clock, ids
from ...exceptions import OperationalError
from .address import Address
from .arrived import headers_of
from .faults import Blocked, unanswered
from .fields import properties
from .ledger import Begun, Entry, Ledger, decoded, encoded
from .link import Link
from .outbox import LATE, Copy, Outbox
from .plan import Plan, Queue
from .streams import calm, follow, steadily
from .topology import Topology

STREAM: Final = Queue(
    "umbel.revoked", {"x-queue-type": "stream", "x-max-age": "7D", "x-stream-max-segment-size-bytes": 1_000_000}
)  # fmt: skip
"""Its segments are small, because only whole ones are removed when they are too old."""


class Scribe:
    """The ledger of one virtual host, as one broker object sees it.

    Args:
        address: of the server.

    Attributes:
        outbox: what all parts of this broker object send over, but for new tasks.
    """

    def __init__(self, address: Address) -> None:
        self.ledger = Ledger()
        self.link = Link(address, "umbel ledger")
        self.outbox = Outbox(Link(address, "umbel writes"))
        self._topology = Topology(self.link, Plan())
        self._parts: set[int] = set()
        self._life = 0
        self._awaited: set[str] = set()
        self._next = self._heard = 0
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

    def append(self, entries: Sequence[Entry], until: float, *, once: bool = False) -> None:
        """Write entries and read them back, with everything before them.

        Args:
            entries: what to write.
            until: monotonic moment at which it is given up.
            once: they would be wrong if they were written later: do not send them into an alarm.

        Raises:
            Blocked: the server takes no messages now; they may be written when it does, and may be written twice.
            OperationalError: nobody knows whether they are written.
        """
        with self.link:
            self._ready(until)
            self._write(entries, until, repeatable=not once)

    def share(self, part: object) -> None:
        """A part uses it from now on."""
        self._parts.add(id(part))

    def release(self, part: object) -> None:
        """A part does not need it any more; without parts it has no connection."""
        self._parts.discard(id(part))
        if not self._parts:
            self.link.close()
            self.outbox.close()

    def _write(self, entries: Sequence[Entry], until: float, *, repeatable: bool = True) -> None:
        names = [f"{next(self._names):x}" for _ in entries]
        self._awaited = set(names)
        copies = [
            Copy("", STREAM.name, properties(message_id=name, delivery_mode=2), encoded(entry))
            for name, entry in zip(names, entries, strict=True)
        ]
        self.outbox.send(copies, until, mandatory=False, repeatable=repeatable)
        if not self.link.drive(lambda: not self._awaited, until):
            self.link.drop(LATE)
            raise unanswered(self.link.address, LATE)

    def _ready(self, until: float) -> bool:
        """Have a consumer that has read everything; True when it had to be made."""
        self.link.channel(until)
        if self.link.life == self._life:
            return False
        steadily(partial(self._read, until), until)
        return True

    def _read(self, until: float) -> None:
        try:
            follow(self.link, self._topology, STREAM, self._next or "first", self._learn, "umbel", until)
            try:
                self._write((Begun(),), until)
            except Blocked:
                calm(self.link, lambda: self._heard, until)
        except OperationalError:  # its consumer may be there already
            self.link.drop("it was not read to its end")
            raise
        self._life = self.link.life

    def _learn(self, channel: Any, method: Any, told: BasicProperties, body: bytes) -> None:
        channel.basic_ack(method.delivery_tag)
        self._heard += 1
        offset = int(headers_of(told).get("x-stream-offset", self._next))
        self._awaited.discard(told.message_id or "")
        if offset < self._next:  # a stream begins anywhere in what it has stored together
            return
        self._next = offset + 1
        try:
            self.ledger.learn(decoded(body), offset, clock.monotonic())
        except msgspec.DecodeError:  # of a later release, or a stranger's
            return
