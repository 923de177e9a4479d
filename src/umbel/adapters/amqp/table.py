"""AMQP's field tables, written as py-amqp writes them, and the 19 headers of a task message, written fast.

None V   str S   bool t   int I (l above 31 bits)   float d   dict F   list A   bytes x
datetime T (in seconds, UTC)
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from struct import Struct
from typing import Any, Final

import msgspec

OCTETS: Final = tuple(bytes((number,)) for number in range(256))
"""The numbers that have one byte."""

longs = Struct(">I").pack
"""A number of four bytes."""

_text = Struct(">cI").pack
_int = Struct(">ci").pack
_wide = Struct(">cq").pack
_double = Struct(">cd").pack
_stamp = Struct(">Q").pack


class Headers(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The headers of a message of this release or of Celery 5.7: these, all of them, and no other."""

    lang: str
    task: str
    id: str
    shadow: str | None
    eta: str | None
    expires: str | None
    group: str | None
    group_index: int | None
    retries: int
    timelimit: tuple[int | float | None, int | float | None]
    root_id: str | None
    parent_id: str | None
    argsrepr: str
    kwargsrepr: str
    origin: str
    ignore_result: bool | None
    replaced_task_nesting: int
    stamped_headers: list[str] | None
    stamps: dict[str, Any]


def short(text: str) -> bytes:
    """A short string.

    Raises:
        IndexError: it has more than 255 bytes.
    """
    data = text.encode()
    return OCTETS[len(data)] + data


known = functools.lru_cache(maxsize=256)(short)
"""The same for one that comes again and again."""


def table(fields: Mapping[str, Any]) -> bytes:
    """A table.

    Raises:
        IndexError, ValueError, struct.error: AMQP has no such name or value.
    """
    data = pairs(fields)
    return longs(len(data)) + data


def pairs(fields: Mapping[str, Any]) -> bytes:
    """The inside of a table; errors as in `table`."""
    parts = []
    for name, value in fields.items():
        parts.append(short(name))
        parts.append(item(value))
    return b"".join(parts)


def item(value: Any) -> bytes:
    """One value of a table; errors as in `table`."""
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
        return b"F" + table(value)
    if isinstance(value, list | tuple):
        data = b"".join([item(one) for one in value])
        return _text(b"A", len(data)) + data
    if isinstance(value, bytes):
        return _text(b"x", len(value)) + value
    if isinstance(value, datetime):
        return b"T" + _stamp(int(value.replace(tzinfo=value.tzinfo or UTC).timestamp()))
    raise ValueError(f"a {type(value).__name__}")


def packed_headers(headers: Headers) -> bytes:
    """The same as `pairs` of these headers; what mostly has one value is written as a constant."""
    h = headers
    ident = _string(h.id)
    plain = h.shadow is None and h.eta is None and h.expires is None and h.group is None and h.group_index is None
    return b"".join(
        (
            b"\4lang", _repeated(h.lang), b"\4task", _repeated(h.task), b"\2id", ident,
            _NO_WISHES if plain else pairs({name: getattr(h, name) for name in _WISHES}),
            b"\7retries", _int(b"I", h.retries),
            _NO_LIMITS if h.timelimit == (None, None) else b"\x09timelimit" + item(h.timelimit),
            b"\7root_id", ident if h.root_id == h.id else item(h.root_id),
            b"\x09parent_id", b"V" if h.parent_id is None else _string(h.parent_id),
            b"\x08argsrepr", _string(h.argsrepr), b"\x0akwargsrepr", _string(h.kwargsrepr),
            b"\6origin", _repeated(h.origin), b"\x0dignore_result", item(h.ignore_result),
            b"\x15replaced_task_nesting", _int(b"I", h.replaced_task_nesting),
            _NO_STAMPS if h.stamped_headers is None and not h.stamps
            else pairs({"stamped_headers": h.stamped_headers, "stamps": h.stamps}),
        )
    )  # fmt: skip


def _string(text: str) -> bytes:
    data = text.encode()
    return _text(b"S", len(data)) + data


_repeated = functools.lru_cache(maxsize=1024)(_string)
_WISHES: Final = ("shadow", "eta", "expires", "group", "group_index")
_NO_WISHES: Final = pairs(dict.fromkeys(_WISHES))
_NO_LIMITS: Final = pairs({"timelimit": [None, None]})
_NO_STAMPS: Final = pairs({"stamped_headers": None, "stamps": {}})
