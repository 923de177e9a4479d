"""Exchanges as kombu has them on Redis, so that what Celery's processes send to one reaches umbel's queues, and back.

direct, topic   a set names the queues that are bound; whoever sends looks there: a worker writes its own into it
fanout          a channel: who listens has it, who does not never will. umbel's queues of such an exchange are lists all
                the same, so a supervisor listens and puts what Celery sent into each of them, once however many listen;
                what an umbel producer sends is in the lists already, and is told on the channel for Celery's workers.
                A queue of one worker's own (`Broadcast`) is filled by that worker's supervisor alone, whoever sent

A message that umbel told is known by its delivery tag, a version 7 UUID; Celery's are version 4.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from ... import clock
from ...exceptions import OperationalError
from ...message import Parcel
from .envelope import opened, sealed, stored_at
from .layout import Layout
from .link import Link
from .wire import Word

REMEMBERED: Final = 600
"""Seconds for which it is known that a message of a channel is in the queues: longer than supervisors differ."""

logger = logging.getLogger("umbel.redis")


class Way(msgspec.Struct, frozen=True):
    """One binding: exchange, its type, the key (of a topic exchange a pattern), and the queue."""

    exchange: str
    kind: str
    key: str
    queue: str


class _Info(msgspec.Struct):
    exchange: str = ""
    routing_key: str = ""


class _Properties(msgspec.Struct):
    delivery_info: _Info = msgspec.field(default_factory=_Info)


class _Head(msgspec.Struct):
    properties: _Properties = msgspec.field(default_factory=_Properties)


_head = msgspec.json.Decoder(_Head).decode


class Exchanges(msgspec.Struct, frozen=True):
    """What the project declares.

    Attributes:
        ways: every binding of every queue that does not expire.
        fanouts: fanout exchange -> its queues.
        own: fanout exchange -> those that stand for a queue of each worker's own.
        mine: those that this process consumes.
    """

    ways: tuple[Way, ...] = ()
    fanouts: dict[str, tuple[str, ...]] = {}
    own: dict[str, tuple[str, ...]] = {}
    mine: set[str] = msgspec.field(default_factory=set)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Exchanges:
        """From the option ``queues``: name -> fields of a queue, with its bindings."""
        described = options.get("queues") or {}
        ways = tuple(_ways({name: each for name, each in described.items() if not each.get("per_worker")}))
        own = tuple(_ways({name: each for name, each in described.items() if each.get("per_worker")}))
        return cls(ways, _fanouts(ways), _fanouts(own))

    @property
    def told(self) -> set[str]:
        """The exchanges whose messages are told on a channel."""
        return {*self.fanouts, *self.own}

    def alone(self) -> list[str]:
        """The queues that nobody but this process's worker consumes."""
        return [queue for queues in self.own.values() for queue in queues if queue in self.mine]

    def declare(self, link: Link, layout: Layout) -> None:
        """Write the bindings into kombu's tables, as a Celery worker does that consumes these queues."""
        words: list[Word] = []
        for way in self.ways:
            pattern = as_regex(way.key) if way.kind == "topic" else ""
            member = layout.separator.join((way.key, pattern, way.queue))
            tables = ("_kombu.binding", "_kombu.binding_permanent")  # kombu's sweep spares what the second has
            words += (word for table in tables for word in (layout.key(f"{table}.{way.exchange}"), member))
        if words:
            link.script("declare", (layout.prefix,), words, idempotent=True)

    def channels(self, layout: Layout) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What to listen to: channels, and patterns of channels for messages that have a routing key."""
        own = (exchange for exchange, queues in self.own.items() if not self.mine.isdisjoint(queues))
        plain = tuple(layout.channel(exchange) for exchange in dict.fromkeys((*self.fanouts, *own)))
        return plain, tuple(f"{channel}/*" for channel in plain)

    def hear(self, link: Link, layout: Layout, channel: str, data: bytes) -> None:
        """Put a message of Celery's into every queue of its exchange, and anybody's into those of this worker's own."""
        start = layout.channel("")
        exchange = channel.removeprefix(start).split("/", 1)[0]
        queues = () if stored_at(data) else self.fanouts.get(exchange, ())
        queues += tuple(queue for queue in self.own.get(exchange, ()) if queue in self.mine)
        if queues:
            step = layout.step(opened(data).priority)
            link.script("overheard", (layout.prefix,), (layout.separator, REMEMBERED, step, data, *queues))

    def tell(self, link: Link, layout: Layout, parcels: Sequence[Parcel]) -> None:
        """Tell Celery's workers of messages that went to a fanout exchange, and workers that have a queue of their own;
        copies for several queues are one.

        Raises:
            OperationalError: nobody listened to one that is in no queue, or it is not known whether it was told.
        """
        told: dict[tuple[str, str], bytes] = {}
        alone: set[tuple[str, str]] = set()
        for parcel in parcels:
            try:
                info = _head(parcel.head).properties.delivery_info
            except msgspec.MsgspecError:  # nobody of Celery's could read it
                continue
            if info.exchange in self.told:
                channel = told_on(layout, info.exchange, info.routing_key)
                told[channel, parcel.id] = told.get((channel, parcel.id)) or sealed(parcel, clock.wall())[0]
                if parcel.exchange:
                    alone.add((channel, parcel.id))
        try:
            heard = link.many([("PUBLISH", channel, item) for (channel, _), item in told.items()])
        except OperationalError as error:  # as for everybody who was not listening
            if alone:
                raise
            logger.debug("Celery's workers were not told of a broadcast: %s", error)
            return
        deaf = [place for place, count in zip(told, heard, strict=True) if place in alone and not count]
        if deaf:
            raise OperationalError(
                f"No worker listens to the broadcast {deaf[0][0]!r} at {link.address}, so the message was not stored; "
                "start a worker that consumes that Broadcast."
            )


NO_EXCHANGES: Final = Exchanges()


def told_on(layout: Layout, exchange: str, key: str) -> str:
    """The channel of a message to a fanout exchange; the key stands in its name, as in kombu."""
    return layout.channel(exchange) + (f"/{key}" if key else "")


def as_regex(pattern: str) -> str:
    """The pattern of a topic exchange as kombu writes it beside the binding.

    Example:
        >>> as_regex("media.*.#")
        '^media\\\\.[^\\\\.]+\\\\..*?$'
    """
    known = {"*": r"[^\.]+", "#": r".*?"}
    plain = "".join(letter if letter.isalnum() or letter in ".#*" else f"\\{letter}" for letter in pattern)
    words = (known.get(word, word) for word in plain.split("."))
    return "^" + r"\.".join(words) + "$"


def _fanouts(ways: Sequence[Way]) -> dict[str, tuple[str, ...]]:
    names = {way.exchange for way in ways if way.kind == "fanout"}
    return {name: tuple(dict.fromkeys(way.queue for way in ways if way.exchange == name)) for name in names}


def _ways(queues: Mapping[str, Mapping[str, Any]]) -> Iterable[Way]:
    for name, fields in queues.items():
        lasting = fields.get("expires") is None
        for exchange, key, _ in fields.get("bindings") or () if name and lasting else ():
            if exchange.get("name"):
                yield Way(exchange["name"], exchange.get("type") or "direct", key or "", name)
