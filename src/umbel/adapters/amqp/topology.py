"""Declaring: what exists is used as it is, what is missing is made as Celery would make it.

Each thing is first asked for passively, on a channel that may be lost: a queue that exists is never declared again,
whatever its arguments are, so neither side meets a 406. A user without the right to configure can work with what is
there; a binding that he may not make is taken for made.

The ladder of delays is that of Celery's native delayed delivery, so both sides share it:

    celery_delayed_27 .. celery_delayed_0   topic exchanges, each with a queue of the same name. Rung n holds a message
                                            for 2^n s when the n-th bit of its key is 1, else it passes it on
    celery_delayed_delivery                 where the last rung leads; each queue that ever got a delayed message is
                                            bound to it by the last words of the key
    key                                     28 bits of the delay in whole seconds, a dot each, then the queue's name

A message holds no delivery while it waits, visits no queue twice, and needs no worker to be there. Only the rungs that
are needed are made, from below, so that a ladder is never used before it leads somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pika.channel import Channel

from .faults import ACCESS_REFUSED, LOCKED, NOT_FOUND, Refused, nowhere
from .link import Link, Reply
from .plan import QUORUM, Exchange, Plan, Queue, digest, server_name

DELIVERY: Final = "celery_delayed_delivery"
BITS: Final = 28
LONGEST: Final = 2**BITS - 1
"""Seconds that a ladder can hold a message; a longer delay climbs it again."""

_LONGEST_NAME: Final = 255 - 2 * BITS
_WILD: Final = re.compile(r"(^|\.)[*#](\.|$)")


def rung(level: int) -> str:
    """Name of an exchange and of its queue."""
    return f"celery_delayed_{level}"


def delayed_key(seconds: int, queue: str) -> str:
    """Key under which a message climbs down the ladder to a queue."""
    return ".".join(f"{seconds:0{BITS}b}") + f".{last_words(queue)}"


def last_words(queue: str) -> str:
    """How a queue is called at the end of such a key: by its name, where that is short and not a pattern."""
    return digest(queue) if len(queue.encode()) > _LONGEST_NAME or _WILD.search(queue) else queue


class Topology:
    """What exists on one server, as far as one link has seen it.

    Args:
        link: of the part; what is remembered lasts as long as its connection.
        plan: what is to be declared.
    """

    def __init__(self, link: Link, plan: Plan) -> None:
        self.plan = plan
        self._link = link
        self._life = 0
        self._known: set[str] = set()
        self._delayed: set[str] = set()
        self._reached: set[str] = set()
        self._rungs = 0

    def ensure(self, name: str, until: float) -> None:
        """See to it that a queue of tasks exists and can be reached.

        Raises:
            OperationalError: it does not exist and could not be made.
        """
        self._renew(until)
        if name not in self._known:
            self.declare(self.plan.queue(name), until)
            self._known.add(name)

    def reach(self, exchange: str, until: float) -> None:
        """See to it that an exchange exists, with what the settings bind to it; a worker's own queue is the worker's.

        Raises:
            Unroutable: there is none, and the settings do not say what it is.
        """
        self._renew(until)
        if exchange in self._reached:
            return
        described = self.plan.queues.values()
        ways = [(queue, way) for queue in described for way in queue.ways if way.exchange.name == exchange]
        for queue, way in ways:
            if queue.own:
                self.exchange(way.exchange, until)
            else:
                self.ensure(queue.name, until)
        if not ways and not self._is_there(
            lambda channel, reply: channel.exchange_declare(exchange, passive=True, callback=reply), until
        ):
            raise nowhere(self._link.address, exchange)
        self._reached.add(exchange)

    def declare(self, queue: Queue, until: float) -> None:
        """The same for any queue, without remembering it."""
        there = not queue.declare or self.size(queue.name, until) is not None
        if not there:
            self._aside(
                lambda channel, reply: channel.queue_declare(
                    queue.name,
                    durable=queue.durable,
                    exclusive=queue.exclusive,
                    auto_delete=queue.auto_delete,
                    arguments=queue.arguments or None,
                    callback=reply,
                ),
                until,
            )
        if not there or queue.described:
            self._lead(queue, until)

    def exchange(self, exchange: Exchange, until: float) -> None:
        """See to it that an exchange exists."""
        if exchange.name and not self._is_there(
            lambda channel, reply: channel.exchange_declare(exchange.name, passive=True, callback=reply), until
        ):
            self._aside(
                lambda channel, reply: channel.exchange_declare(
                    exchange.name,
                    exchange.kind,
                    durable=exchange.durable,
                    auto_delete=exchange.auto_delete,
                    arguments=exchange.arguments or None,
                    callback=reply,
                ),
                until,
            )

    def size(self, name: str, until: float) -> tuple[int, int] | None:
        """How many messages are ready in a queue and how many consumers it has; None when there is no such queue.

        A queue that belongs to another connection alone has nothing for us: (0, 1).
        """
        try:
            found = self._aside(lambda channel, reply: channel.queue_declare(name, passive=True, callback=reply), until)
        except Refused as error:
            if error.code == LOCKED:
                return 0, 1
            if error.code == NOT_FOUND:
                return None
            raise
        return found.message_count, found.consumer_count

    def forget(self, name: str) -> None:
        """A queue that was known is gone."""
        self._known.discard(name)
        self._delayed.discard(name)
        self._reached.clear()

    def delayed(self, queue: str, seconds: int, until: float) -> tuple[str, str] | None:
        """Where a message goes that is to be in a queue after so many seconds (1 to `LONGEST`): exchange and key.

        Returns:
            None when the server has no ladder and this user may not make one.
        """
        self._renew(until)
        seconds = min(seconds, LONGEST)
        level = seconds.bit_length() - 1
        try:
            while self._rungs <= level:
                self._make_rung(self._rungs, until)
                self._rungs += 1
            if queue not in self._delayed:
                self.ensure(queue, until)
                self._bind(server_name(queue), DELIVERY, "*." * BITS + last_words(queue), until)
                self._delayed.add(queue)
        except Refused as error:
            if error.code == ACCESS_REFUSED:
                return None
            raise
        return rung(level), delayed_key(seconds, queue)

    def _renew(self, until: float) -> None:
        if not self._link.life:
            self._link.channel(until)
        if self._life != self._link.life:
            self._life = self._link.life
            self._known.clear()
            self._delayed.clear()
            self._reached.clear()
            self._rungs = 0

    def _make_rung(self, level: int, until: float) -> None:
        below = rung(level - 1) if level else DELIVERY
        if not level:
            self.exchange(Exchange(DELIVERY, "topic"), until)
        name = rung(level)
        arguments: dict[str, Any] = {
            "x-queue-type": self.plan.ladder,
            "x-overflow": "reject-publish",
            "x-message-ttl": 2**level * 1000,
            "x-dead-letter-exchange": below,
        }
        if self.plan.ladder == QUORUM:
            arguments["x-dead-letter-strategy"] = "at-least-once"
        self.exchange(Exchange(name, "topic"), until)
        self.declare(Queue(name, arguments), until)
        before = "*." * (BITS - 1 - level)
        self._bind(name, name, f"{before}1.#", until)
        self._aside(
            lambda channel, reply: channel.exchange_bind(below, name, routing_key=f"{before}0.#", callback=reply),
            until,
            may_be_forbidden=True,
        )

    def _lead(self, queue: Queue, until: float) -> None:
        for way in queue.ways:
            self.exchange(way.exchange, until)
            self._bind(queue.name, way.exchange.name, way.key, until, way.arguments)

    def _bind(
        self, queue: str, exchange: str, key: str, until: float, arguments: dict[str, Any] | None = None
    ) -> None:  # fmt: skip
        self._aside(
            lambda channel, reply: channel.queue_bind(queue, exchange, key, arguments or None, callback=reply),
            until,
            may_be_forbidden=True,
        )

    def _is_there(self, start: Callable[[Channel, Reply], Any], until: float) -> bool:
        try:
            self._aside(start, until)
        except Refused as error:
            if error.code == NOT_FOUND:
                return False
            raise
        return True

    def _aside(
        self, start: Callable[[Channel, Reply], Any], until: float, *, may_be_forbidden: bool = False
    ) -> Any:  # fmt: skip
        try:
            return self._link.ask(start, until, aside=True)
        except Refused as error:
            if may_be_forbidden and error.code == ACCESS_REFUSED:
                return None
            raise
