"""Reading the properties and headers of a message.

pika cuts the fraction off each number with one (``timelimit`` has them), so this room reads headers by itself: `Read`
takes the place of pika's class for the properties of messages that arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from struct import Struct
from typing import Any, Final

from pika import spec

from .usual import usual

_NUMBERS: Final = {
    kind: Struct(form)
    for kind, form in (
        (b"b", ">b"), (b"B", ">B"), (b"s", ">h"), (b"U", ">h"), (b"u", ">H"), (b"I", ">i"), (b"i", ">I"),
        (b"l", ">q"), (b"L", ">q"), (b"f", ">f"), (b"d", ">d"),
    )
}  # fmt: skip
_size = Struct(">I").unpack_from
_flags = Struct(">H").unpack_from
_stamp = Struct(">Q").unpack_from
_scaled = Struct(">Bi").unpack_from


class Read(spec.BasicProperties):
    """Properties of a message that has arrived."""

    def decode(self, encoded: bytes, offset: int = 0) -> Read:
        flags = _flags(encoded, offset)[0]
        offset += 2
        for bit, name, read in _PROPERTIES:
            if flags & bit:
                value, offset = read(encoded, offset)
                setattr(self, name, value)
        return self


def properties(**values: Any) -> spec.BasicProperties:
    """Properties of a message of umbel's own, by AMQP's names."""
    make: Any = spec.BasicProperties  # which has no annotations
    made: spec.BasicProperties = make(**values)
    return made


class Lazy(Read):
    """The same of a delivery, read when somebody asks for the first of them.

    Args:
        packed: as they came.

    Attributes:
        plain: what a usual message says, None for any other.
    """

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self.plain = usual(packed)

    def __getattr__(self, name: str) -> Any:
        if name not in _NAMES:
            raise AttributeError(name)
        self.__dict__.update(_NOTHING)
        self.decode(self.packed)
        return self.__dict__[name]


def table(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    """A table of fields, and where it ends."""
    fields: dict[str, Any] = {}
    end = at + 4 + _size(data, at)[0]
    at += 4
    while at < end:
        name, at = _short(data, at)
        fields[name], at = _value(data, at)
    return fields, end


def _value(data: bytes, at: int) -> tuple[Any, int]:
    kind = data[at : at + 1]
    at += 1
    number = _NUMBERS.get(kind)
    if number is not None:
        return number.unpack_from(data, at)[0], at + number.size
    return _OTHERS[kind](data, at)


def _short(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(errors="replace"), end


def _text(data: bytes, at: int) -> tuple[str | bytes, int]:
    raw, end = _raw(data, at)
    try:
        return raw.decode(), end
    except UnicodeDecodeError:
        return raw, end


def _raw(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 4 + _size(data, at)[0]
    return data[at + 4 : end], end


def _array(data: bytes, at: int) -> tuple[list[Any], int]:
    items = []
    end = at + 4 + _size(data, at)[0]
    at += 4
    while at < end:
        item, at = _value(data, at)
        items.append(item)
    return items, end


def _byte(data: bytes, at: int) -> tuple[int, int]:
    return data[at], at + 1


def _decimal(data: bytes, at: int) -> tuple[Decimal, int]:
    scale, number = _scaled(data, at)
    return Decimal(number).scaleb(-scale), at + 5


_OTHERS: Final[dict[bytes, Callable[[bytes, int], tuple[Any, int]]]] = {
    b"S": _text,
    b"x": _raw,
    b"F": table,
    b"A": _array,
    b"D": _decimal,
    b"V": lambda _, at: (None, at),
    b"t": lambda data, at: (bool(data[at]), at + 1),
    b"T": lambda data, at: (datetime.fromtimestamp(_stamp(data, at)[0], UTC), at + 8),
}

_PROPERTIES: Final[tuple[tuple[int, str, Callable[[bytes, int], tuple[Any, int]]], ...]] = (
    (1 << 15, "content_type", _short), (1 << 14, "content_encoding", _short), (1 << 13, "headers", table),
    (1 << 12, "delivery_mode", _byte), (1 << 11, "priority", _byte), (1 << 10, "correlation_id", _short),
    (1 << 9, "reply_to", _short), (1 << 8, "expiration", _short), (1 << 7, "message_id", _short),
    (1 << 6, "timestamp", lambda data, at: (_stamp(data, at)[0], at + 8)), (1 << 5, "type", _short),
    (1 << 4, "user_id", _short), (1 << 3, "app_id", _short), (1 << 2, "cluster_id", _short),
)  # fmt: skip

_NAMES: Final = frozenset(name for _, name, _ in _PROPERTIES)
_NOTHING: Final = dict.fromkeys(_NAMES)

spec.props[spec.BasicProperties.INDEX] = Read
