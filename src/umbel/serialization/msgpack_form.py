"""MessagePack as kombu writes it: text, bytes, numbers, lists and dicts, and nothing else.

A date, a UUID, a Decimal or a set has no form that Celery's reader would bring back, so it is refused, as kombu refuses
it. Structs, dataclasses, attrs classes, Enums and pydantic models become plain values, as in JSON.
Other programs' timestamps (extension -1) are read as datetimes.
Source: kombu 5.7 ``kombu.serialization.register_msgpack``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Final

import msgspec

from ..exceptions import EncodeError
from .json_form import as_plain

_ATOMS: Final = frozenset({str, bytes, int, float, bool, type(None)})
_EXACT: Final[dict[type, Callable[[Any], Any]]] = {str: str.__str__, int: int.__int__, float: float.__float__}
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder().decode


def encode_msgpack(value: Any) -> bytes:
    """Write a value.

    Raises:
        EncodeError: it holds something that has no form; the sentence names the type.

    Example:
        >>> encode_msgpack([1, b"a"])
        b'\\x92\\x01\\xc4\\x01a'
    """
    try:
        return _encode(value if _is_plain(value) else _plain(value))
    except RecursionError:
        raise EncodeError("The value is nested too deeply, or contains itself.") from None


def decode_msgpack(data: bytes) -> Any:
    """Read a value; whatever is wrong with the bytes is an exception of msgspec's or Python's own."""
    return _decode(data)


def _is_plain(value: Any) -> bool:
    """Whether msgspec writes this value as msgpack-python does."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind is dict:
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return (kind is list or kind is tuple) and all(map(_is_plain, value))


def _plain(value: Any) -> Any:
    """The same value of plain types only."""
    if type(value) in _ATOMS:
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    for kind, exact in _EXACT.items():
        if isinstance(value, kind):
            return exact(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _plain(as_plain(value, "MessagePack"))
