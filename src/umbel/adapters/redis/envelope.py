"""The envelope: one message as it stands in a list, in the form of kombu's Redis transport.

    {"body": base64, "content-encoding": ..., "content-type": ..., "headers": {...}, "properties":
    {..., "delivery_info": {...}, "priority": 0, "body_encoding": "base64", "delivery_tag": uuid}}

The head of a parcel has all of it but the body, so it is cut and joined as text and never decoded. The delivery tag is
the last thing of an envelope, where the scripts find it (`layout`); ours is a version 7 UUID: it tells when the message
was stored. A head that is no envelope (Celery could not read it either) travels whole:

    {"umbel": base64 of the head, "task": ..., "id": ..., "body": base64, "properties":
    {"priority": 0, "body_encoding": "base64", "delivery_tag": uuid}}
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from binascii import Error, a2b_base64
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from ...message import Parcel

_FORM: Final = (
    b'{"body":"%b","content-encoding":%b,"content-type":%b,"headers":%b,'
    b'"properties":%b%b"body_encoding":"base64","delivery_tag":"%b"}}'
)
_WHOLE: Final = (
    b'{"umbel":"%b","task":%b,"id":%b,"body":"%b",'
    b'"properties":{"priority":%d,"body_encoding":"base64","delivery_tag":"%b"}}'
)
_BETWEEN: Final = b'","content-encoding":"utf-8","content-type":"application/json","headers":{"lang":"py","task":"'
_HEADERS: Final = len(_BETWEEN) - len(b'{"lang":"py","task":"')
_NOT_LATER: Final = b'","shadow":null,"eta":null,'
_CLOSE: Final = b',"body_encoding":"base64","delivery_tag":"'
_END: Final = 36 + len(b'"}}')
_CLOSED: Final = _END + len(_CLOSE)
_PRIORITY: Final = b',"priority":'
_URGENCY: Final = _CLOSED + len(_PRIORITY) + 1
_HEAD: Final = b'{"headers":%b},"content-type":"application/json","content-encoding":"utf-8"}'
_OURS: Final = b'{"headers":{"lang":"py","task":"'
_JSON_HEAD: Final = b'},"content-type":"application/json","content-encoding":"utf-8"}'
_JSON_PRIORITY: Final = -len(_JSON_HEAD) - len(_PRIORITY) - 1
_CUT: Final = (
    b'{"body":%b,"content-encoding":"utf-8","content-type":"application/json",'
    b'%b,"body_encoding":"base64","delivery_tag":"%b"}}'
)
_TAG: Final = b'"delivery_tag":"'
_TAGGED: Final = _END + len(_TAG)
_PAGE: Final = 256
_HEX: Final = frozenset("0123456789abcdef")
_tails: list[bytes] = []


class _Head(msgspec.Struct, gc=False):
    headers: msgspec.Raw
    properties: msgspec.Raw
    content_type: msgspec.Raw = msgspec.field(name="content-type")
    content_encoding: msgspec.Raw = msgspec.field(name="content-encoding")


class _Envelope(msgspec.Struct, gc=False):
    body: Any = ""
    headers: msgspec.Raw = msgspec.Raw(b"{}")
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    content_type: msgspec.Raw = msgspec.field(name="content-type", default=msgspec.Raw(b'"application/json"'))
    content_encoding: msgspec.Raw = msgspec.field(name="content-encoding", default=msgspec.Raw(b'"utf-8"'))
    umbel: str | None = None
    id: str = ""
    task: str = ""


class _Properties(msgspec.Struct, gc=False):
    priority: Any = 0
    body_encoding: str | None = None
    delivery_tag: Any = ""


class _Named(msgspec.Struct, gc=False):
    id: Any = ""
    task: Any = ""
    eta: Any = None


class Content(msgspec.Struct, gc=False):
    """An envelope that was opened.

    Attributes:
        head: as `message` has it.
        body: serialized, out of its base64.
        priority: as sent.
        eta: unix time of its ``eta`` header, 0.0 without one.
        id: task id.
        name: task name.
    """

    head: bytes
    body: bytes
    priority: int = 0
    eta: float = 0.0
    id: str = ""
    name: str = ""


_head = msgspec.json.Decoder(_Head).decode
_bytes = msgspec.json.Decoder(bytes).decode  # faster than binascii
_base64 = msgspec.json.Encoder().encode
_envelope = msgspec.json.Decoder(_Envelope).decode
_properties = msgspec.json.Decoder(_Properties).decode
_named = msgspec.json.Decoder(_Named).decode


def sealed(parcel: Parcel, now: float) -> tuple[bytes, bool]:
    """The envelope of a parcel, and whether a Celery worker could read it and knows by itself when it is due.

    The usual head, as our templates write it, is put in as text.

    Args:
        parcel: to be sent.
        now: unix time.
    """
    tag, written = new_tag(now), parcel.head
    if (
        written.startswith(_OURS)
        and written.endswith(_JSON_HEAD)
        and written.startswith(_PRIORITY, _JSON_PRIORITY)
        and b'"delivery_tag"' not in written
    ):
        item = _CUT % (_base64(parcel.body), written[1 : -len(_JSON_HEAD)], tag)
        return item, b'"eta":"' in written
    try:
        head = _head(written)
        properties = bytes(head.properties)
        if not properties.endswith(b"}") or b'"delivery_tag"' in properties:
            properties = _without_transport(properties)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return _wrapped(parcel, tag), False
    comma = b"" if properties.rstrip().startswith(b"{}") else b","
    item = _FORM % (
        b64encode(parcel.body), bytes(head.content_encoding), bytes(head.content_type), bytes(head.headers),
        properties[:-1], comma, tag,
    )  # fmt: skip
    return item, b'"eta":"' in item or b'"eta": "' in item


def parted(parcel: Parcel, after: bytes, now: float, *, own: bool = False) -> tuple[bytes, bytes]:
    """The envelope of a parcel before and behind a hole at the end of its body, `after` stands behind the hole.

    A script fills the hole with text as it stands within a JSON string, so the body is text and not base64. With
    ``own`` it says of itself that only umbel can run it (`is_own`).
    """
    item = sealed(msgspec.structs.replace(parcel, body=b""), now)[0]
    head, _, rest = item.partition(b'"body":""')
    at = len(rest) - _CLOSED
    mark = b'"own":true,' if own else b""
    plain = rest[:at] + rest[at:].replace(b'"body_encoding":"base64"', mark + b'"body_encoding":null', 1)
    return b'%b"body":"%b' % (head, _quoted(parcel.body)), b'%b"%b' % (_quoted(after), plain)


def _quoted(text: bytes) -> bytes:
    return msgspec.json.encode(text.decode())[1:-1]


def opened(item: bytes) -> Content:
    """What an envelope holds; one that cannot be read is all head, and its reader will say so."""
    try:
        envelope = _envelope(item)
        properties = _properties(envelope.properties)
        body = _unpacked(envelope.body, properties.body_encoding)
    except (msgspec.DecodeError, msgspec.ValidationError, Error, ValueError):
        return Content(item, b"")
    priority = _number(properties.priority)
    if envelope.umbel is not None:
        return Content(a2b_base64(envelope.umbel), body, priority, 0.0, envelope.id, envelope.task)
    head = b'{"headers":%b,"properties":%b,"content-type":%b,"content-encoding":%b}' % (
        bytes(envelope.headers), _trimmed(bytes(envelope.properties)), bytes(envelope.content_type),
        bytes(envelope.content_encoding),
    )  # fmt: skip
    try:
        named = _named(envelope.headers)
    except msgspec.ValidationError:
        named = _Named()
    return Content(head, body, priority, _moment(named.eta), str(named.id or ""), str(named.task or ""))


def claimed(item: bytes) -> tuple[bytes, bytes, int, float]:
    """Head, body, priority and eta of an envelope. The usual one is cut as text: one of ours, JSON, without an eta.

    What it looks for cannot stand within a JSON string, where each quotation mark has a backslash before it.
    """
    end = item.find(b'"', 9)
    if (
        item.startswith(_BETWEEN, end)
        and item.startswith(_CLOSE, -_CLOSED)
        and item.startswith(_PRIORITY, -_URGENCY)
        and item.startswith(b'{"body":"')
        and item.find(_NOT_LATER, end, end + 600) > 0
    ):
        try:
            body = _bytes(item[8 : end + 1])
        except (msgspec.DecodeError, msgspec.ValidationError):
            pass
        else:
            return _HEAD % item[end + _HEADERS : -_CLOSED], body, item[-_CLOSED - 1] - 48, 0.0
    content = opened(item)
    return content.head, content.body, content.priority, content.eta


def with_body(item: bytes, body: bytes) -> bytes:
    """The same message with another body, uncompressed and in the same place."""
    document = msgspec.json.decode(item)
    if "umbel" not in document:
        document["properties"]["body_encoding"] = "base64"
    document["body"] = b64encode(body).decode()
    properties = document.pop("properties")
    properties["delivery_tag"] = properties.pop("delivery_tag")
    return msgspec.json.encode({**document, "properties": properties})


def with_eta(item: bytes, moment: str) -> bytes:
    """The same message with this moment, ISO 8601, as the one before which nobody runs it."""
    document = msgspec.json.decode(item, type=dict[str, msgspec.Raw])
    document["headers"] = msgspec.Raw(msgspec.json.encode({**msgspec.json.decode(document["headers"]), "eta": moment}))
    properties = document.pop("properties")
    return msgspec.json.encode({**document, "properties": properties})


def is_own(item: bytes) -> bool:
    """Whether only umbel can run it, as the scripts see it too."""
    return b'"own":true,"body_encoding":null' in item[-100:]


def is_wrapped(item: bytes) -> bool:
    """Whether the head travels whole, because it is none that Celery could read."""
    return item.startswith(b'{"umbel":')


def ref_of(item: bytes) -> str:
    """The ref of a message (`layout`), as the scripts find it."""
    tag = item[-39:-3]
    if item.endswith(b'"}}') and b'"delivery_tag"' in item[-58:]:
        ref = (tag[20:23] + tag[24:36]).decode("ascii", "replace")
        if len(ref) == 15 and _HEX.issuperset(ref):
            return ref
    return hashlib.sha1(item, usedforsecurity=False).hexdigest()[-15:]


def tag_of(item: bytes) -> int:
    """The tag of a message, its ref as a number."""
    digits = item[-19:-16] + item[-15:-3]
    if item.startswith(_TAG, -_TAGGED) and item.endswith(b'"}}') and digits.isalnum() and digits == digits.lower():
        try:
            return int(digits, 16)
        except ValueError:
            pass
    return int(ref_of(item), 16)


def stored_at(item: bytes) -> float:
    """When one of our messages was stored, unix time; 0.0 when its tag does not say so."""
    tag = item[-39:-3]
    if not item.endswith(b'"}}') or tag[14:15] != b"7":
        return 0.0
    try:
        return int(tag[:8] + tag[9:13], 16) / 1000 + int(tag[15:18], 16) / 4096000
    except ValueError:
        return 0.0


def new_tag(now: float) -> bytes:
    """A version 7 UUID: milliseconds, 12 bits of the next one, random bits."""
    if not _tails:
        _tails.extend(_drawn())
    return _moment_of(now) + _tails.pop()


@lru_cache(1)
def _moment_of(now: float) -> bytes:
    units = int(now * 4096000)
    moment = f"{units >> 12:012x}"
    return f"{moment[:8]}-{moment[8:]}-7{units & 4095:03x}-".encode()


def _drawn() -> list[bytes]:
    digits = os.urandom(8 * _PAGE).hex()
    return [f"8{digits[at : at + 3]}-{digits[at + 3 : at + 15]}".encode() for at in range(0, 16 * _PAGE, 16)]


def _wrapped(parcel: Parcel, tag: bytes) -> bytes:
    return _WHOLE % (
        b64encode(parcel.head), msgspec.json.encode(parcel.name), msgspec.json.encode(parcel.id),
        b64encode(parcel.body), parcel.priority, tag,
    )  # fmt: skip


def _without_transport(properties: bytes) -> bytes:
    """Properties of a message that came out of a broker, as they were before they went into one."""
    fields = msgspec.json.decode(properties)
    for name in ("body_encoding", "delivery_tag"):
        fields.pop(name, None)
    return msgspec.json.encode(fields)


def _trimmed(properties: bytes) -> bytes:
    """Without what the transport put at their end."""
    at = properties.rfind(b'"body_encoding"')
    if at < 0 or properties.find(b'"delivery_tag"', at) < 0:
        return properties
    return properties[:at].rstrip(b" ,") + b"}"


def _unpacked(body: Any, encoding: str | None) -> bytes:
    if isinstance(body, str):
        return a2b_base64(body) if encoding == "base64" else body.encode()
    return msgspec.json.encode(body)


def _number(priority: Any) -> int:
    try:
        return int(priority or 0)
    except (TypeError, ValueError):
        return 0


def _moment(eta: Any) -> float:
    """Unix time of an ISO date; one without a zone is in UTC, and what is none means at once."""
    if not isinstance(eta, str):
        return 0.0
    try:
        moment = datetime.fromisoformat(eta)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tails.clear)
