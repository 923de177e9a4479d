"""Who is alive: each process says every few seconds which owners live in it, in a stream that forgets soon.

RabbitMQ takes back what a lost connection held without being told, so nothing depends on it but listings.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
from pika.spec import BasicProperties

from ... import clock, ids
from ...broker import Owner
from ...exceptions import OperationalError
from .faults import Blocked, unanswered
from .fields import properties
from .link import Link
from .outbox import LATE, Copy, Outbox
from .plan import Queue
from .pulse import watch
from .streams import calm, follow, steadily
from .topology import Topology

STREAM: Final = Queue(
    "umbel.roll",
    {"x-queue-type": "stream", "x-max-length-bytes": 4_000_000, "x-stream-max-segment-size-bytes": 1_000_000},
)

EVERY: Final = 4.0
"""Seconds between two words of a process."""

ALIVE: Final = 10.0
"""Seconds for which a word counts, by the clock of whoever says it."""


class Word(msgspec.Struct, frozen=True):
    """What a process says: who lives in it, and who has just ended."""

    at: float
    owners: list[Owner] = []
    gone: list[int] = []


_encoded = msgspec.json.Encoder().encode
_decoded = msgspec.json.Decoder(Word).decode


class Roll:
    """Says who lives here, and reads what others say.

    Args:
        link: the part's.
        topology: on that link.
        outbox: words go out over it.
    """

    def __init__(self, link: Link, topology: Topology, outbox: Outbox) -> None:
        self._link = link
        self._topology = topology
        self._outbox = outbox
        self._owners: dict[int, Owner] = {}
        self._said = 0.0
        self._there = False

    def add(self, owner: Owner) -> None:
        """It lives from now on; the pulse says so again, also where an error keeps the first word back."""
        self._owners[owner.nonce] = owner
        watch(self)
        self._say((), self._link.until())

    def drop(self, *nonces: int) -> None:
        """They do not live any more, wherever they lived."""
        for nonce in nonces:
            self._owners.pop(nonce, None)
        self._say(nonces, self._link.until())

    def read(self, until: float) -> list[Owner]:
        """Everybody who said something lately; those of this process only while the server takes no messages."""
        found: dict[int, tuple[float, Owner]] = {}
        gone: set[int] = set()
        mark = f"{ids.nonce():x}"
        done: list[bool] = []
        heard = 0
        now = clock.wall()

        def hear(channel: Any, method: Any, told: BasicProperties, body: bytes) -> None:
            nonlocal heard
            channel.basic_ack(method.delivery_tag)
            heard += 1
            if told.message_id == mark:
                done.append(True)
                return
            try:
                word = _decoded(body)
            except msgspec.DecodeError:
                return
            gone.update(word.gone)
            found.update({owner.nonce: (word.at, owner) for owner in word.owners})

        with self._link:
            since = datetime.now(UTC) - timedelta(seconds=2 * ALIVE)
            follow(self._link, self._topology, STREAM, since, hear, mark, until)
            try:
                self._send(Copy("", STREAM.name, properties(message_id=mark), _encoded(Word(now))), until)
            except Blocked:
                calm(self._link, lambda: heard, until)
                found.update({nonce: (now, owner) for nonce, owner in self._owners.items()})
            else:
                if not self._link.drive(lambda: bool(done), until):
                    raise unanswered(self._link.address, LATE)
            self._link.ask(lambda own, reply: own.basic_cancel(mark, callback=reply), until)
        return [owner for nonce, (at, owner) in found.items() if nonce not in gone and now - at < ALIVE]

    def beat(self) -> None:
        """For the pulse."""
        if self._owners and clock.monotonic() - self._said >= EVERY:
            self._say((), self._link.until(1.0))

    def close(self) -> None:
        """Say nothing more: those who live here are forgotten after a while."""
        self._owners.clear()

    def forked(self) -> None:
        """In a forked child: they live in the parent."""
        self._owners.clear()

    def _say(self, gone: tuple[int, ...], until: float) -> None:
        with self._link:
            self._said = clock.monotonic()
            word = Word(clock.wall(), list(self._owners.values()), list(gone))
            told = Copy("", STREAM.name, properties(delivery_mode=2), _encoded(word))
            try:
                steadily(partial(self._send, told, until), until)
            except Blocked:
                self._said = 0.0  # the others wait for it: as soon as it can be said
                raise

    def _send(self, told: Copy, until: float) -> None:
        if not self._there:
            self._topology.declare(STREAM, until)
            self._there = True
        try:
            self._outbox.send([told], until, repeatable=True)
        except OperationalError:
            self._there = False
            raise
