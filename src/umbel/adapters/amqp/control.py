"""Revocations, in the ledger, and remote control over Celery's own exchanges, so that both sides hear each other.

    broadcast     to the exchange ``celery.pidbox``, with the way back in the request, as Celery's clients have it
    broadcasts    a queue of this listener alone, bound to that exchange; it hears what is said while it listens
    reply         on the way that the request named; of a request that named none to the queue `places.replies`
    replies       from both

RabbitMQ keeps no request for somebody who listens later.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from pika import spec
from pika.channel import Channel
from pika.spec import BasicProperties

from ... import clock, ids
from ...broker import Broadcast, Leave, Revocation
from ...record import Record
from . import places
from .envelope import resealed
from .faults import unanswered
from .fields import properties
from .ledger import Revoked
from .link import Link
from .outbox import LATE, Copy
from .plan import PIDBOX, REPLIES, answers, mailbox
from .rules import Rules
from .scribe import Scribe
from .topology import Topology

_HEARD: Final = 1000  # requests that are remembered
_LOOK: Final = 0.05  # seconds between two looks into the queue of answers

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class AmqpControl:
    """See `umbel.broker.Control`.

    Args:
        link: nobody else's.
        scribe: the ledger.
        rules: of this broker.
    """

    def __init__(self, link: Link, scribe: Scribe, rules: Rules) -> None:
        self._link = link
        self._scribe = scribe
        self._topology = Topology(link, rules.plan)
        self._oid = ids.new_id()
        self._life = 0
        self._numbers = itertools.count(1)
        self._heard: deque[Broadcast] = deque(maxlen=_HEARD)
        self._ways: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._answers: dict[str, list[bytes]] = {}
        self._listens = self._asks = False
        self._empty = 0
        self._outbox = scribe.outbox
        scribe.share(self)

    def revoke(
        self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
    ) -> list[str]:
        """Log them. Nothing can be taken out of the middle of a queue: whoever gets such a message discards it."""
        if revocations:
            self._scribe.append((Revoked(list(revocations)),), self._scribe.link.until())
        return []

    def revoked(self, since: int) -> tuple[int, list[Revocation]]:
        """The log after a revision."""
        ledger = self._scribe.glance(self._scribe.link.until())
        return ledger.revision, ledger.revoked(since, clock.wall())

    def broadcast(self, payload: bytes, expires: float) -> None:
        """Offer a request to every worker that listens now."""
        with self._link:
            until = self._link.until()
            request = _request(payload)
            self._renew(until)
            if request.get("ticket") and not request.get("reply_to"):
                self._ask_for_answers(until)
                request["reply_to"] = {"exchange": REPLIES.name, "routing_key": self._oid}
                payload = msgspec.json.encode(request)
            self._topology.exchange(PIDBOX, until)
            headers = {"clock": 1, "expires": expires}
            self._publish(PIDBOX.name, "", payload, headers, until)

    def broadcasts(self, after: int, timeout: float, wake: int = -1) -> list[Broadcast]:
        """Requests above a number; waits for the first."""
        with self._link:
            until = self._link.until()
            self._renew(until)
            if not self._listens:
                self._listen(until)
            self._link.drive(lambda: self._after(after) != [], clock.monotonic() + timeout, wake)
            return self._after(after)

    def reply(self, ticket: str, payload: bytes, expires: float) -> None:
        """Answer a request."""
        with self._link:
            until = self._link.until()
            self._renew(until)
            way = self._ways.get(ticket)
            if way is None:
                queue = places.replies(ticket)
                self._topology.declare(queue, until)
                way = ("", queue.name)
            self._publish(*way, payload, {"ticket": ticket, "clock": 1, "expires": expires}, until)

    def replies(self, ticket: str, timeout: float) -> list[bytes]:
        """Take the answers that are there; waits for the first."""
        deadline = clock.monotonic() + timeout
        with self._link:
            self._renew(self._link.until())
            while True:
                self._collect(ticket, self._link.until())
                found = self._answers.pop(ticket, [])
                left = deadline - clock.monotonic()
                if found or left <= 0:
                    return found
                self._link.drive(lambda: ticket in self._answers, clock.monotonic() + min(left, _LOOK))

    def close(self) -> None:
        """Give the connections back; safe to repeat."""
        self._link.close()
        self._scribe.release(self)

    def _renew(self, until: float) -> None:
        channel = self._link.channel(until)
        if self._link.life != self._life:
            self._life = self._link.life
            self._listens = self._asks = False
            channel.add_callback(self._on_empty, [spec.Basic.GetEmpty], one_shot=False)

    def _listen(self, until: float) -> None:
        queue = mailbox(f"umbel.{ids.nonce():x}")
        self._topology.declare(queue, until)
        self._consume(queue.name, self._hear, until)
        self._listens = True

    def _ask_for_answers(self, until: float) -> None:
        if not self._asks:
            queue = answers(self._oid)
            self._topology.declare(queue, until)
            self._consume(queue.name, self._take, until)
            self._asks = True

    def _consume(self, queue: str, hear: Any, until: float) -> None:
        self._link.ask(lambda own, reply: own.basic_consume(queue, hear, auto_ack=True, callback=reply), until)

    def _hear(self, _channel: Channel, _method: Any, told: BasicProperties, body: bytes) -> None:
        expires = (told.headers or {}).get("expires")
        if isinstance(expires, int | float) and expires <= clock.wall():
            return
        request = _request(body)
        ticket, way = request.get("ticket"), request.get("reply_to")
        if isinstance(ticket, str) and isinstance(way, dict):
            self._ways[ticket] = (str(way.get("exchange") or ""), str(way.get("routing_key") or ""))
            if len(self._ways) > _HEARD:
                self._ways.popitem(last=False)
        self._heard.append(Broadcast(next(self._numbers), body))

    def _take(self, _channel: Channel, _method: Any, told: BasicProperties, body: bytes) -> None:
        headers = told.headers or {}
        expires = headers.get("expires")
        if not isinstance(expires, int | float) or expires > clock.wall():
            self._answers.setdefault(str(headers.get("ticket")), []).append(body)

    def _collect(self, ticket: str, until: float) -> None:
        """What stands in the queue of those who were not told the way."""
        queue = places.replies(ticket).name
        while self._topology.size(queue, until) is not None:
            if not self._fetch(queue, until):
                return

    def _fetch(self, queue: str, until: float) -> bool:
        channel, empty = self._link.channel(until), self._empty
        came: list[bool] = []

        def found(own: Channel, method: Any, told: BasicProperties, body: bytes) -> None:
            self._take(own, method, told, body)
            came.append(True)

        channel.basic_get(queue, found, auto_ack=True)
        if not self._link.drive(lambda: bool(came) or self._empty > empty, until):
            self._link.drop(LATE)
            raise unanswered(self._link.address, LATE)
        return bool(came)

    def _publish(self, exchange: str, key: str, payload: bytes, headers: dict[str, Any], until: float) -> None:
        told = properties(content_type="application/json", content_encoding="utf-8")
        self._outbox.send([Copy(exchange, key, resealed(told, headers), payload)], until, mandatory=False)

    def _after(self, number: int) -> list[Broadcast]:
        return [notice for notice in self._heard if notice.number > number]

    def _on_empty(self, _: Any) -> None:
        self._empty += 1


def _request(payload: bytes) -> dict[str, Any]:
    try:
        return _decode(payload)
    except msgspec.DecodeError:
        return {}
