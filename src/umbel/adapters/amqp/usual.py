"""The usual message, read at once: JSON, the 19 headers and no other, no wish of the sender's among them.

Nearly every message is one. What its properties and headers have in common with all others is compared, and only what
differs is read, in a third of the time. Whatever does not fit to the byte is read the long way (`fields`).
"""

from __future__ import annotations

import functools
from struct import Struct
from struct import error as StructError  # noqa: N812 - a class
from typing import Final

import msgspec

from .table import Headers

_BEGIN: Final = b"\xfe\0\x10application/json\5utf-8"
_HEADERS: Final = len(_BEGIN) + 4
_TASK: Final = b"\4langS\0\0\0\2py\4taskS"
_IDENT: Final = b"\2idS"
_WISHES: Final = b"\6shadowV\3etaV\7expiresV\5groupV\x0bgroup_indexV\7retriesI"
_LIMITS: Final = b"\x09timelimitA\0\0\0\2VV\7root_idS"
_NO_PARENT: Final = b"\x09parent_idV\x08argsreprS"
_PARENT: Final = b"\x09parent_idS"
_ARGS: Final = b"\x08argsreprS"
_KWARGS: Final = b"\x0akwargsreprS"
_ORIGIN: Final = b"\6originS"
_IGNORED: Final = {
    b"\x0dignore_resultV\x15replaced_task_nestingI": None,
    b"\x0dignore_resultt\0\x15replaced_task_nestingI": False,
    b"\x0dignore_resultt\1\x15replaced_task_nestingI": True,
}
_END: Final = b"\x0fstamped_headersV\6stampsF\0\0\0\0"
_number = Struct(">i").unpack_from
_NO_LIMITS: Final = (None, None)
_NONE: Final = ord("V")


class Unusual(Exception):
    """Within this file only: it is not one."""


class _Properties(msgspec.Struct, gc=False):
    correlation_id: str
    reply_to: str
    delivery_mode: int
    delivery_info: msgspec.Raw
    priority: int


class _Head(msgspec.Struct, gc=False):
    headers: Headers
    properties: _Properties
    content_type: str = msgspec.field(name="content-type", default="application/json")
    content_encoding: str = msgspec.field(name="content-encoding", default="utf-8")


_encode = msgspec.json.Encoder().encode


class Usual(msgspec.Struct, gc=False):
    """What such a message says."""

    headers: Headers
    correlation_id: str
    reply_to: str
    delivery_mode: int
    priority: int

    def head(self, exchange: str, key: str) -> bytes:
        """The head, as `message` has it."""
        return _encode(
            _Head(
                self.headers,
                _Properties(
                    self.correlation_id, self.reply_to, self.delivery_mode, _info(exchange, key), self.priority
                ),
            )
        )


def usual(packed: bytes) -> Usual | None:
    """Read the packed properties of a usual message; None for any other."""
    if not packed.startswith(_BEGIN):
        return None
    try:
        return _read(packed)
    except (Unusual, IndexError, StructError, UnicodeDecodeError):
        return None


def _read(data: bytes) -> Usual:
    task, at = _text(data, _HEADERS, _TASK)
    ident, at = _text(data, at, _IDENT)
    retries, at = _int(data, at, _WISHES)
    root, at = _text(data, at, _LIMITS)
    parent = None
    if data.startswith(_PARENT, at):
        parent, at = _text(data, at, _PARENT)
        args, at = _text(data, at, _ARGS)
    else:
        args, at = _text(data, at, _NO_PARENT)
    kwargs, at = _text(data, at, _KWARGS)
    origin, at = _text(data, at, _ORIGIN)
    key = data[at : at + (38 if data[at + 14] == _NONE else 39)]
    nesting, at = _int(data, at, key if key in _IGNORED else b"!")
    at += len(_END)
    if data[at - len(_END) : at] != _END or at != _HEADERS + _number(data, _HEADERS - 4)[0]:
        raise Unusual
    headers = Headers(
        "py", task, ident, None, None, None, None, None, retries, _NO_LIMITS, root, parent, args, kwargs, origin,
        _IGNORED[key], nesting, None, {},
    )  # fmt: skip
    middle = at + 3 + data[at + 2]
    end = middle + 1 + data[middle]
    if end != len(data):
        raise Unusual
    return Usual(headers, data[at + 3 : middle].decode(), data[middle + 1 : end].decode(), data[at], data[at + 1])


def _text(data: bytes, at: int, key: bytes) -> tuple[str, int]:
    """The text behind a key, and where it ends."""
    if not data.startswith(key, at):
        raise Unusual
    start = at + len(key) + 4
    end = start + _number(data, start - 4)[0]
    return data[start:end].decode(), end


def _int(data: bytes, at: int, key: bytes) -> tuple[int, int]:
    if not data.startswith(key, at):
        raise Unusual
    at += len(key)
    return _number(data, at)[0], at + 4


@functools.lru_cache(maxsize=1024)
def _info(exchange: str, key: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode({"exchange": exchange, "routing_key": key}))
