"""Deliveries out of a stream of frames, three frames at once.

pika makes an object of each frame and looks for listeners of each of them, which costs more than everything else that
receiving a message does. Here a delivery is taken as a whole: method, properties and body. Any other frame, and a body
that is long, is left to pika.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

MOST: Final = 65536
"""Bytes of a body that are waited for; a longer one is left to pika."""

_METHOD, _HEADER, _BODY = 1, 2, 3
_FRAME: Final = 8  # bytes of a frame beside what is in it
_DELIVER: Final = b"\0\x3c\0\x3c"
_frame = Struct(">BHI").unpack_from
_number = Struct(">Q?").unpack_from
_size = Struct(">Q").unpack_from

Taker = Callable[[int, str, int, bool, bytes, bytes, bytes, bytes], bool]
"""Gets channel, consumer tag, delivery tag, whether it was delivered before, exchange, key, properties and body; says
whether it knows that consumer."""


def taken(data: bytes, take: Taker) -> tuple[int, bool]:
    """Take the deliveries at the beginning of what came.

    Args:
        data: it begins with a frame.
        take: gets each.

    Returns:
        how many bytes they had, and whether what follows is for pika (it is no delivery) or not whole yet.
    """
    at = 0
    while len(data) - at >= _FRAME:
        kind, channel, size = _frame(data, at)
        method = at + 7
        if kind != _METHOD or data[method : method + 4] != _DELIVER:  # nor is one whose number is still to come
            return at, True
        header = method + size + 1
        if len(data) < header + 19:
            return at, False
        packed, long = _frame(data, header)[2], _size(data, header + 11)[0]
        if long > MOST:
            return at, True
        body = header + packed + _FRAME
        found = _body(data, body, long)
        if found is None:
            return at, False
        tag = method + 5 + data[method + 4]
        number, again = _number(data, tag)
        exchange = tag + 10 + data[tag + 9]
        key = exchange + 1 + data[exchange]
        content, end = found
        if not take(
            channel, data[method + 5 : tag].decode(), number, again, data[tag + 10 : exchange],
            data[exchange + 1 : key], data[header + 19 : body - 1], content,
        ):  # fmt: skip
            return at, True
        at = end
    return at, False


def _body(data: bytes, at: int, size: int) -> tuple[bytes, int] | None:
    """A body of that size, and where it ends; None while it is not whole."""
    parts = []
    while size:
        if len(data) < at + 7:
            return None
        piece = _frame(data, at)[2]
        if len(data) < at + piece + _FRAME:
            return None
        parts.append(data[at + 7 : at + 7 + piece])
        at += piece + _FRAME
        size -= piece
    if len(data) < at:
        return None
    return parts[0] if len(parts) == 1 else b"".join(parts), at
