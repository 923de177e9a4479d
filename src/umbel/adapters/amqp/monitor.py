"""Events over Celery's topic exchange: told to the queues that are bound to it now, kept for nobody else.

    celeryev               topic exchange, durable
    celeryev.<random>      the queue of one listener: exclusive to its connection, messages expire after 5 s

Two connections: a server that is short of memory stops reading from one on which something was published, and who
listens would not be heard any more. Events are confirmed, so that who tells them knows whether the server takes them,
and `mandatory`: what comes back was heard by nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from pika.channel import Channel
from pika.spec import BasicProperties

from ... import clock, ids
from ...monitor import News
from .faults import Unroutable
from .fields import properties
from .link import Link
from .outbox import Copy, Outbox
from .plan import Exchange, Plan, listener
from .topology import Topology

MOST: Final = 10_000
"""Messages that wait for this listener."""

TRANSIENT: Final = 1


class AmqpMonitor:
    """See `umbel.monitor.Monitor`.

    Args:
        out: for what is told.
        ear: for what is heard.
        exchange: Celery's ``event_exchange``.
    """

    def __init__(self, out: Link, ear: Link, exchange: str) -> None:
        self._out = out
        self._outbox = Outbox(out)
        self._ear = ear
        self._exchange = Exchange(exchange, "topic")
        self._there = self._life = 0
        self._pattern = ""
        self._told: deque[News] = deque(maxlen=MOST)

    def tell(self, news: Sequence[News]) -> bool:
        """Publish, and wait until the server has taken it."""
        with self._out:
            until = self._out.until()
            self._out.channel(until)
            if self._there != self._out.life:
                Topology(self._out, Plan()).exchange(self._exchange, until)
                self._there = self._out.life
            copies = [Copy(self._exchange.name, one.key, _properties(one), one.body) for one in news]
            try:
                self._outbox.send(copies, until, repeatable=True)
            except Unroutable:
                return len({one.key for one in news}) > 1  # somebody may have heard the others
        return True

    def listen(self, pattern: str = "#") -> None:
        """Have a queue of one's own, bound and consumed."""
        self._pattern = pattern
        with self._ear:
            until = self._ear.until()
            self._ear.channel(until)
            queue = listener(f"{ids.nonce():x}", pattern, self._exchange)
            Topology(self._ear, Plan()).declare(queue, until)
            self._ear.ask(
                lambda own, reply: own.basic_consume(queue.name, self._hear, auto_ack=True, callback=reply), until
            )
            self._life = self._ear.life

    def hear(self, timeout: float, wake: int = -1) -> list[News]:
        """What has come."""
        deadline = clock.monotonic() + timeout
        with self._ear:
            self._ear.channel(self._ear.until())
            if self._life != self._ear.life:
                self.listen(self._pattern or "#")
            self._ear.drive(lambda: bool(self._told), deadline, wake)
            heard = list(self._told)
            self._told.clear()
            return heard

    def close(self) -> None:
        """Give the connections back; safe to repeat."""
        self._out.close()
        self._ear.close()

    def _hear(self, _channel: Channel, method: Any, told: BasicProperties, body: bytes) -> None:
        node = str((told.headers or {}).get("hostname") or "")
        kind, encoding = told.content_type or "application/json", told.content_encoding or "utf-8"
        self._told.append(News(method.routing_key, node, body, kind, encoding))


def _properties(news: News) -> BasicProperties:
    return properties(
        content_type=news.content_type, content_encoding=news.content_encoding, headers={"hostname": news.node},
        delivery_mode=TRANSIENT, priority=0,
    )  # fmt: skip
