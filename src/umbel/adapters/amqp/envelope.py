"""The envelope: one message as AMQP carries it, in the form that kombu gives to Celery's messages.

    properties   content_type, content_encoding, delivery_mode, priority, correlation_id, reply_to and what else of
                 AMQP's properties the head has; not ``expiration``: an expired task is to be recorded by a worker, so
                 the ``expires`` header alone says it
    headers      the 19 of the protocol, then the sender's own
    body         as serialized

Headers that only umbel writes, and only where they are needed (Celery's workers do not look at them):

    umbel-due         float   unix time before which nobody may start it; with a message that waits in a delay queue
    umbel-way         [str]   exchange and key that the sender named, when it is not just the queue
    umbel-again       true    sent a second time, because it is not known whether the first one arrived
    umbel-deliveries  int     how often it was delivered before it was published anew
    umbel-head        bytes   the whole head, of a message whose head is no JSON object of Celery's form
"""

from __future__ import annotations

from datetime import UTC, datetime
from struct import Struct
from struct import error as StructError  # noqa: N812 - a class
from typing import Any, Final

import msgspec
from pika.spec import BasicProperties

from ...exceptions import EncodeError
from ...message import ONCE_HEADER, Parcel
from .fields import Lazy
from .table import OCTETS, Headers, known, longs, packed_headers, pairs, short, table

DUE: Final = "umbel-due"
WAY: Final = "umbel-way"
AGAIN: Final = "umbel-again"
DELIVERIES: Final = "umbel-deliveries"
HEAD: Final = "umbel-head"

_SERVERS: Final = frozenset({"x-death", "x-delivery-count", "x-acquired-count"})
_NOT_THE_SENDERS: Final = ("umbel-", "x-first-death-", "x-last-death-")

_flags = Struct(">H").pack
_stamp = Struct(">Q").pack
_KNOWN: Final = _flags(1 << 15 | 1 << 14 | 1 << 13 | 1 << 12 | 1 << 11 | 1 << 10 | 1 << 9)
_LATER_STRINGS: Final = (("type", 5), ("user_id", 4), ("app_id", 3), ("cluster_id", 2))


class Sealed(BasicProperties):
    """Properties and headers of a message, already as bytes; pika sends them as they are."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed

    def encode(self) -> list[bytes]:
        return [self.packed]


class Content(msgspec.Struct, gc=False):
    """A message that was opened.

    Attributes:
        head: as `message` has it.
        body: as sent.
        priority: as sent.
        eta: unix time of its ``eta`` header, 0.0 without one.
        due: unix time before which nobody may start it (ours, or the ``eta``), 0.0 without one.
        id: task id.
        name: task name.
        marks: the headers that are not the sender's: ours and RabbitMQ's (``x-death``, ``x-delivery-count``).
    """

    head: bytes
    body: bytes
    priority: int = 0
    eta: float = 0.0
    due: float = 0.0
    id: str = ""
    name: str = ""
    marks: dict[str, Any] = {}


class _Head(msgspec.Struct, gc=False):
    headers: dict[str, Any]
    properties: dict[str, Any]
    content_type: str = msgspec.field(name="content-type")
    content_encoding: str = msgspec.field(name="content-encoding")


class _Info(msgspec.Struct, gc=False):
    exchange: str | None = ""
    routing_key: str | None = ""


class _Usual(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    correlation_id: str
    reply_to: str
    delivery_mode: int
    delivery_info: _Info
    priority: int
    expiration: str | None = None


class _Strict(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    headers: Headers
    properties: _Usual
    content_type: str = msgspec.field(name="content-type")
    content_encoding: str = msgspec.field(name="content-encoding")


_head = msgspec.json.Decoder(_Head).decode
_strict = msgspec.json.Decoder(_Strict).decode


def sealed(parcel: Parcel, marks: dict[str, Any] | None = None) -> Sealed:
    """Properties and headers of a parcel for pika; arguments and errors as in `packed`."""
    return Sealed(packed(parcel, marks))


def packed(parcel: Parcel, marks: dict[str, Any] | None = None) -> bytes:
    """Properties and headers of a parcel.

    Args:
        parcel: to be sent.
        marks: headers of ours, see the module.

    Raises:
        EncodeError: AMQP cannot carry one of its headers or properties.
    """
    try:
        try:
            return _usual(_strict(parcel.head), parcel, marks)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return _packed(_any_head(parcel, marks), parcel.priority)
    except (StructError, ValueError, IndexError) as error:
        raise EncodeError(
            f"AMQP cannot carry the headers or properties of the task {parcel.name!r} ({error}): names and properties "
            f"are texts of at most 255 bytes, numbers have at most 63 bits."
        ) from error


def resealed(properties: BasicProperties, headers: dict[str, Any]) -> Sealed:
    """Properties of a copy of a delivered message: the same with other headers, durable, and without an ``expiration``.

    Args:
        properties: as delivered.
        headers: all of the copy's.
    """
    kept = ("correlation_id", "reply_to", "message_id", "timestamp", *(name for name, _ in _LATER_STRINGS))
    given: dict[str, Any] = {name: getattr(properties, name) for name in kept if name != "user_id"}
    kind, encoding = properties.content_type or "application/json", properties.content_encoding or "utf-8"
    return Sealed(_packed(_Head(headers, given, kind, encoding), properties.priority or 0))


def opened(exchange: str, key: str, properties: BasicProperties, body: bytes) -> Content:
    """What a delivered message holds.

    Args:
        exchange, key: as the server names them with the delivery; for one that came out of a delay queue, "" and the
            queue's name.
        properties: as pika decoded them.
        body: as delivered.
    """
    plain = properties.plain if isinstance(properties, Lazy) else None
    if plain is not None:
        names = plain.headers
        return Content(plain.head(exchange, key), body, plain.priority, 0.0, 0.0, names.id, names.task)
    headers, marks = _parted(dict(properties.headers or {}))
    priority = properties.priority or 0
    name, task_id = str(headers.get("task") or ""), str(headers.get("id") or "")
    eta = _moment(headers.get("eta"))
    due = marks.get(DUE, eta)
    whole = marks.get(HEAD)
    if isinstance(whole, bytes):
        head = whole
    else:
        way = marks.get(WAY)
        exchange, key = way if isinstance(way, list) and len(way) == 2 else (exchange, key)
        head = _head_of(properties, headers, exchange, key)
    return Content(head, body, priority, eta, due, task_id, name, marks)


def _any_head(parcel: Parcel, marks: dict[str, Any] | None) -> _Head:
    """The head of a parcel that is not of the usual kind: more headers or properties, or no JSON at all."""
    try:
        head = _head(parcel.head)
    except (msgspec.DecodeError, msgspec.ValidationError):
        whole = {"task": parcel.name, "id": parcel.id, HEAD: parcel.head, **(marks or {})}
        return _Head(whole, {}, "application/octet-stream", "binary")
    head.headers.update({**(marks or {}), **_way(parcel.queue, head.properties.get("delivery_info"))})
    return head


def _usual(head: _Strict, parcel: Parcel, marks: dict[str, Any] | None) -> bytes:
    """The same as `_packed`, in a third of its time, for what umbel's own calls look like."""
    given = head.properties
    exchange, key = given.delivery_info.exchange or "", given.delivery_info.routing_key
    if exchange or (key and key != parcel.queue):
        marks = {**(marks or {}), WAY: [exchange, key or parcel.queue]}
    fields = packed_headers(head.headers)
    if marks:
        fields += pairs(marks)
    return b"".join(
        (
            _KNOWN, known(head.content_type), known(head.content_encoding), longs(len(fields)), fields,
            OCTETS[given.delivery_mode], OCTETS[parcel.priority], short(given.correlation_id), short(given.reply_to),
        )
    )  # fmt: skip


def _packed(head: _Head, priority: int) -> bytes:
    given = head.properties
    flags = 1 << 15 | 1 << 14 | 1 << 13 | 1 << 12 | 1 << 11
    parts = [
        b"", short(head.content_type), short(head.content_encoding), table(head.headers),
        OCTETS[int(given.get("delivery_mode") or 2)], OCTETS[priority],
    ]  # fmt: skip
    for name, bit in (("correlation_id", 10), ("reply_to", 9), ("message_id", 7)):
        value = given.get(name)
        if value is not None:
            flags |= 1 << bit
            parts.append(short(str(value)))
    if given.get("timestamp") is not None:
        flags |= 1 << 6
        parts.append(_stamp(int(given["timestamp"])))
    if len(given) > 6:
        for name, bit in _LATER_STRINGS:
            value = given.get(name)
            if value is not None:
                flags |= 1 << bit
                parts.append(short(str(value)))
    parts[0] = _flags(flags)
    return b"".join(parts)


def _way(queue: str, info: Any) -> dict[str, Any]:
    if not isinstance(info, dict):
        return {}
    exchange, key = info.get("exchange") or "", info.get("routing_key") or queue
    return {} if not exchange and key == queue else {WAY: [exchange, key]}


def _parted(headers: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sender's headers, and those of ours and of the server."""
    marks = {name: headers[name] for name in headers if name in _SERVERS or name.startswith(_NOT_THE_SENDERS)}
    marks.pop(ONCE_HEADER, None)  # it is part of what was sent
    return {name: value for name, value in headers.items() if name not in marks} if marks else headers, marks


def _head_of(properties: BasicProperties, headers: dict[str, Any], exchange: str, key: str) -> bytes:
    fields: dict[str, Any] = {}
    for name in ("correlation_id", "reply_to", "delivery_mode", "expiration"):
        value = getattr(properties, name)
        if value is not None:
            fields[name] = value
    fields["delivery_info"] = {"exchange": exchange, "routing_key": key}
    fields["priority"] = properties.priority or 0
    for name in ("message_id", "timestamp", "type", "user_id", "app_id", "cluster_id"):
        value = getattr(properties, name)
        if value is not None:
            fields[name] = value
    return msgspec.json.encode(
        {
            "headers": headers,
            "properties": fields,
            "content-type": properties.content_type or "application/json",
            "content-encoding": properties.content_encoding or "utf-8",
        },
        enc_hook=str,
    )


def _moment(eta: Any) -> float:
    """Unix time of an ISO date; one without a zone is in UTC, and what is none means at once."""
    if not isinstance(eta, str):
        return 0.0
    try:
        moment = datetime.fromisoformat(eta)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
