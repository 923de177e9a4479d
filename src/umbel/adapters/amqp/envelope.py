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
from ...message import Parcel

DUE: Final = "umbel-due"
WAY: Final = "umbel-way"
AGAIN: Final = "umbel-again"
DELIVERIES: Final = "umbel-deliveries"
HEAD: Final = "umbel-head"

_SERVERS: Final = frozenset({"x-death", "x-delivery-count", "x-acquired-count"})
_NOT_THE_SENDERS: Final = ("umbel-", "x-first-death-", "x-last-death-")

_long = Struct(">I").pack
_text = Struct(">cI").pack
_int = Struct(">ci").pack
_wide = Struct(">cq").pack
_double = Struct(">cd").pack
_flags = Struct(">H").pack
_stamp = Struct(">Q").pack
_bytes = tuple(bytes((number,)) for number in range(256))

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


_head = msgspec.json.Decoder(_Head).decode


def sealed(parcel: Parcel, marks: dict[str, Any] | None = None) -> Sealed:
    """Properties and headers of a parcel.

    Args:
        parcel: to be sent.
        marks: headers of ours, see the module.

    Raises:
        EncodeError: AMQP cannot carry one of its headers or properties.
    """
    try:
        head = _head(parcel.head)
    except (msgspec.DecodeError, msgspec.ValidationError):
        whole = {"task": parcel.name, "id": parcel.id, HEAD: parcel.head, **(marks or {})}
        head = _Head(whole, {}, "application/octet-stream", "binary")
    else:
        own = {**(marks or {}), **_way(parcel.queue, head.properties.get("delivery_info"))}
        if own:
            head.headers.update(own)
    try:
        return Sealed(_packed(head, parcel.priority))
    except (StructError, ValueError, IndexError, UnicodeEncodeError) as error:
        raise EncodeError(
            f"AMQP cannot carry the headers or properties of the task {parcel.name!r} ({error}): names and properties "
            f"are texts of at most 255 bytes, numbers have at most 63 bits."
        ) from error


def opened(exchange: str, key: str, properties: BasicProperties, body: bytes) -> Content:
    """What a delivered message holds.

    Args:
        exchange, key: as the server names them with the delivery; for one that came out of a delay queue, "" and the
            queue's name.
        properties: as pika decoded them.
        body: as delivered.
    """
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


def _packed(head: _Head, priority: int) -> bytes:
    given = head.properties
    flags = 1 << 15 | 1 << 14 | 1 << 13 | 1 << 12 | 1 << 11
    parts = [
        b"", _short(head.content_type), _short(head.content_encoding), _table(head.headers),
        _bytes[int(given.get("delivery_mode") or 2)], _bytes[priority],
    ]  # fmt: skip
    for name, bit in (("correlation_id", 10), ("reply_to", 9), ("message_id", 7)):
        value = given.get(name)
        if value is not None:
            flags |= 1 << bit
            parts.append(_short(str(value)))
    if given.get("timestamp") is not None:
        flags |= 1 << 6
        parts.append(_stamp(int(given["timestamp"])))
    if len(given) > 6:
        for name, bit in _LATER_STRINGS:
            value = given.get(name)
            if value is not None:
                flags |= 1 << bit
                parts.append(_short(str(value)))
    parts[0] = _flags(flags)
    return b"".join(parts)


def _way(queue: str, info: Any) -> dict[str, Any]:
    if not isinstance(info, dict):
        return {}
    exchange, key = info.get("exchange") or "", info.get("routing_key") or queue
    return {} if not exchange and key == queue else {WAY: [exchange, key]}


def _short(text: str) -> bytes:
    data = text.encode()
    return _bytes[len(data)] + data


def _table(fields: dict[str, Any]) -> bytes:
    parts = [b""]
    for name, value in fields.items():
        parts.append(_short(name))
        parts.append(_item(value))
    data = b"".join(parts)
    return _long(len(data)) + data


def _item(value: Any) -> bytes:
    if value is None:
        return b"V"
    if isinstance(value, str):
        data = value.encode()
        return _text(b"S", len(data)) + data
    if isinstance(value, bool):
        return b"t\1" if value else b"t\0"
    if isinstance(value, int):
        return _int(b"I", value) if -(2**31) < value < 2**31 else _wide(b"l", value)
    if isinstance(value, float):
        return _double(b"d", value)
    if isinstance(value, dict):
        return b"F" + _table(value)
    if isinstance(value, list | tuple):
        data = b"".join([_item(one) for one in value])
        return _text(b"A", len(data)) + data
    if isinstance(value, bytes):
        return _text(b"x", len(value)) + value
    raise ValueError(f"a {type(value).__name__}")


def _parted(headers: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sender's headers, and those of ours and of the server."""
    marks = {name: headers[name] for name in headers if name in _SERVERS or name.startswith(_NOT_THE_SENDERS)}
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
