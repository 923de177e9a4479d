"""Frames of a message that is published, written at once.

pika writes a message as three objects and as many system calls, in which it spends most of what a publisher costs.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from struct import Struct
from typing import Final

FRAME: Final = 131072
"""Largest frame that we ask for, and the largest that RabbitMQ offers unless told otherwise."""

LONGEST: Final = 65536
"""Bytes of a body in one frame of ours."""

_METHOD, _HEADER, _BODY = 1, 2, 3
_END: Final = b"\xce"
_BASIC, _PUBLISH, _MANDATORY = 60, 40, 1
_frame = Struct(">BHI").pack
_content = Struct(">BHIHHQ").pack
_method = Struct(">HHH").pack


@functools.lru_cache(maxsize=4096)
def addressed(exchange: str, key: str) -> bytes:
    """The beginning of a mandatory message to an exchange with a key, for `framed`."""
    place, words = exchange.encode(), key.encode()
    return (
        _method(_BASIC, _PUBLISH, 0) + bytes((len(place),)) + place + bytes((len(words),)) + words
        + bytes((_MANDATORY,))
    )  # fmt: skip


def framed(channel: int, start: bytes, properties: bytes, body: bytes) -> bytes:
    """A message as bytes, with as much of its body as fits into one frame.

    Args:
        channel: its number.
        start: from `addressed`.
        properties: packed.
        body: of any size; what is longer than `LONGEST` follows from `rest`.
    """
    size = len(body)
    parts = [
        _frame(_METHOD, channel, len(start)), start, _END,
        _content(_HEADER, channel, 12 + len(properties), _BASIC, 0, size), properties, _END,
    ]  # fmt: skip
    if size:
        first = body if size <= LONGEST else body[:LONGEST]
        parts += (_frame(_BODY, channel, len(first)), first, _END)
    return b"".join(parts)


def rest(channel: int, body: bytes) -> Iterator[bytes]:
    """The further frames of a long body."""
    for start in range(LONGEST, len(body), LONGEST):
        piece = body[start : start + LONGEST]
        yield _frame(_BODY, channel, len(piece)) + piece + _END
