"""What Celery's processes say to all workers: kombu's fanout channel of remote control, and its reply queues.

    /<db>.celery.pidbox                         PUBLISH   a request in kombu's envelope; who is not listening misses it
    _kombu.binding.<exchange of the reply>      SET       routing key|pattern|queue: where the asker reads
    <oid>.reply.celery.pidbox                   LIST      the answers, one a worker
    umbel:inboxes                               ZSET      members of that set by the end of their question, for
                                                          housekeeping: an asker that is killed takes nothing back

umbel's own requests wait in `umbel:broadcasts`, and its answers go beside them. They are told here as well, for
Celery's workers, and so is a revocation, because a Celery worker may hold the task already; both carry a mark, by which
umbel's workers leave them alone.
"""

from __future__ import annotations

import contextlib
import logging
from base64 import b64encode
from collections import OrderedDict
from typing import Any, Final

import msgspec

from ... import clock, ids
from ...broker import Revocation
from ...exceptions import OperationalError
from .envelope import new_tag, opened
from .layout import Layout
from .link import Link

EXCHANGE: Final = "celery.pidbox"
REPLIES: Final = f"reply.{EXCHANGE}"
KEPT: Final = 60
"""Seconds for which an answer waits for an asker who may be gone."""

logger = logging.getLogger("umbel.redis")

_TO_ALL: Final = {"destination": None, "pattern": None, "matcher": None}

_MOST: Final = 1000
"""Requests whose asker is remembered."""


class _Headers(msgspec.Struct):
    expires: float | None = None
    umbel: bool = False


class _Answered(msgspec.Struct):
    ticket: str = ""


class _Answer(msgspec.Struct):
    headers: _Answered = msgspec.field(default_factory=_Answered)


class _Head(msgspec.Struct):
    headers: _Headers = msgspec.field(default_factory=_Headers)


class _ReplyTo(msgspec.Struct):
    exchange: str
    routing_key: str


class _Asked(msgspec.Struct):
    ticket: str | None = None
    reply_to: _ReplyTo | None = None


_head = msgspec.json.Decoder(_Head).decode
_asked = msgspec.json.Decoder(_Asked).decode
_answer = msgspec.json.Decoder(_Answer).decode
_request = msgspec.json.Decoder(dict[str, Any]).decode


class Pidbox:
    """One listener: understands requests, and remembers who wants to know.

    Args:
        link: for answers and announcements.
        layout: names of keys.
    """

    def __init__(self, link: Link, layout: Layout) -> None:
        self._link = link
        self._layout = layout
        self._askers: OrderedDict[str, _ReplyTo] = OrderedDict()
        self._oid = ids.new_id()
        self._asks = False

    @property
    def channel(self) -> str:
        """Where requests are told."""
        return self._layout.channel(EXCHANGE)

    @property
    def inbox(self) -> str:
        """The list in which Celery's workers answer us."""
        return f"{self._oid}.{REPLIES}"

    def ask(self, payload: bytes, expires: float) -> int | None:
        """Tell a request of ours; how many listeners heard it, None when it cannot be told."""
        try:
            request = _request(payload)
            if request.get("ticket"):
                request["reply_to"] = {"exchange": REPLIES, "routing_key": self._oid}
                self._asks = True
                key, member = self._binding()
                noted = ("ZADD", self._layout.own("inboxes"), expires + KEPT, member)
                self._link.many([noted, ("SADD", key, member)], idempotent=True)
            headers = {"clock": 0, "expires": expires, "umbel": True}
            data = message(msgspec.json.encode(request), headers, EXCHANGE, "", 2)
            return int(self._link.call("PUBLISH", self.channel, data, idempotent=True))
        except (OperationalError, msgspec.MsgspecError) as error:  # umbel's workers have it
            logger.debug("Celery's workers were not asked: %s", error)
            return None

    def answers(self, ticket: str) -> list[bytes]:
        """Take what Celery's workers have answered; what belongs to an older request is thrown away."""
        if not self._asks:
            return []
        found = []
        for data in self._link.call("LPOP", self._layout.key(self.inbox), 1_000_000) or ():
            content = opened(data)
            try:
                if _answer(content.head).headers.ticket == ticket:
                    found.append(content.body)
            except msgspec.MsgspecError as error:
                logger.debug("An answer of a Celery worker cannot be read: %s", error)
        return found

    def forget(self) -> None:
        """Nobody reads answers any more."""
        if self._asks:
            self._asks = False
            with contextlib.suppress(OperationalError):
                key, member = self._binding()
                self._link.many(
                    [
                        ("SREM", key, member), ("DEL", self._layout.key(self.inbox)),
                        ("ZREM", self._layout.own("inboxes"), member),
                    ], idempotent=True,
                )  # fmt: skip

    def _binding(self) -> tuple[str, str]:
        separator = self._layout.separator
        member = separator.join((self._oid, "", self.inbox))
        return self._layout.key(f"_kombu.binding.{REPLIES}"), member

    def request(self, data: bytes) -> bytes | None:
        """The request document of an envelope; None for what is ours, too old, or nothing that can be read."""
        content = opened(data)
        try:
            headers = _head(content.head).headers
            asked = _asked(content.body)
        except msgspec.MsgspecError:
            return None
        if headers.umbel or (headers.expires and headers.expires < clock.wall()):
            return None
        if asked.ticket and asked.reply_to:
            self._askers[asked.ticket] = asked.reply_to
            if len(self._askers) > _MOST:
                self._askers.popitem(last=False)
        return content.body

    def answer(self, ticket: str, payload: bytes) -> bool:
        """Give the answer to a Celery asker; False when nobody asked like that."""
        asker = self._askers.pop(ticket, None)
        if asker is None:
            return False
        data = message(payload, {"ticket": ticket, "clock": 0}, asker.exchange, asker.routing_key, 1)
        for queue in self._bound(asker):
            key = self._layout.key(queue)
            self._link.many([("LPUSH", key, data), ("EXPIRE", key, KEPT)])
        return True

    def tell(self, revocations: list[Revocation]) -> None:
        """Let Celery's workers know too."""
        for terminate, signal in {(each.terminate, each.signal) for each in revocations}:
            ids = [each.id for each in revocations if (each.terminate, each.signal) == (terminate, signal)]
            arguments = {"task_id": ids, "terminate": terminate, "signal": signal}
            request = msgspec.json.encode({"method": "revoke", "arguments": arguments, **_TO_ALL})
            data = message(request, {"clock": 0, "expires": 0, "umbel": True}, EXCHANGE, "", 2)
            try:
                self._link.call("PUBLISH", self.channel, data, idempotent=True)
            except OperationalError as error:  # it is in the log, which is what umbel's workers go by
                logger.debug("Celery's workers were not told of a revocation: %s", error)

    def _bound(self, asker: _ReplyTo) -> list[str]:
        """The queues that a direct exchange leads to."""
        separator = self._layout.separator
        key = self._layout.key(f"_kombu.binding.{asker.exchange}")
        members = self._link.call("SMEMBERS", key, idempotent=True)
        rows = [member.decode(errors="replace").split(separator) for member in members]
        return [row[-1] for row in rows if row[0] == asker.routing_key]


def message(
    payload: bytes, headers: dict[str, Any], exchange: str, routing_key: str, mode: int,
    kind: tuple[str, str] = ("application/json", "utf-8"),
) -> bytes:  # fmt: skip
    """What kombu publishes on a channel, or pushes to a reply queue; `kind` is content type and encoding."""
    properties = {
        "delivery_mode": mode, "delivery_info": {"exchange": exchange, "routing_key": routing_key}, "priority": 0,
        "body_encoding": "base64", "delivery_tag": new_tag(clock.wall()).decode(),
    }  # fmt: skip
    return msgspec.json.encode(
        {
            "body": b64encode(payload).decode(), "content-encoding": kind[1], "content-type": kind[0],
            "headers": headers, "properties": properties,
        }
    )  # fmt: skip
