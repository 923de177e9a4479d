"""The registry of codecs: a serializer's name, its content type, and who may be decoded.

A message names its content type; it is decoded only when the reader accepts that type. Raw bytes and text carry no
structure and are always accepted. Pickle can run code while it is read, so it needs to be named in `accept_content`.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from ..exceptions import ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured
from .json_form import decode_json, encode_json

_TRUSTED: Final = frozenset({"application/data", "application/text"})
_BINARY: Final = frozenset({"binary", "ascii-8bit"})
_PICKLE_PROTOCOL: Final = 4  # what Celery's own messages have


class Codec(msgspec.Struct, frozen=True):
    """One way to write values.

    Attributes:
        name: what ``serializer=`` and `accept_content` call it.
        content_type: what a message calls it.
        content_encoding: "utf-8" for text, "binary" for bytes.
        encode: value -> str or bytes.
        decode: str (text encodings) or bytes ("binary") -> value; None when it can only be written.
    """

    name: str
    content_type: str
    content_encoding: str
    encode: Callable[[Any], str | bytes]
    decode: Callable[[Any], Any] | None


_by_name: dict[str, Codec] = {}
_by_type: dict[str, Codec] = {}


def register(
    name: str,
    encoder: Callable[[Any], str | bytes],
    decoder: Callable[[Any], Any] | None,
    content_type: str,
    content_encoding: str = "utf-8",
) -> None:
    """Add a serializer, or replace the one of that name.

    Args:
        name: for ``serializer=`` and `accept_content`.
        encoder: value -> str or bytes.
        decoder: gets str, or bytes when ``content_encoding`` is "binary"; None when it is only written.
        content_type: travels with each message.
        content_encoding: the text encoding, or "binary".

    Example:
        >>> register("upper", str.upper, str.lower, "text/x-upper")
        >>> loads(b"ABC", "text/x-upper", "utf-8", frozenset({"upper"}))
        'abc'
    """
    made = Codec(name, content_type, content_encoding, encoder, decoder)
    _by_name[name] = made
    _by_type[content_type] = made


def codec(name: str) -> Codec:
    """The codec of a name or content type.

    Raises:
        ImproperlyConfigured: nobody registered it.
    """
    found = _by_name.get(name) or _by_type.get(name)
    if found is None:
        known = ", ".join(sorted(_by_name))
        raise ImproperlyConfigured(f"There is no serializer {name!r}; choose one of: {known}.")
    return found


def dumps(value: Any, serializer: str = "json") -> tuple[str, str, bytes]:
    """Write a value.

    Args:
        value: the value; with "raw" it must be str or bytes.
        serializer: name of a codec.

    Returns:
        content type, content encoding, bytes.

    Raises:
        EncodeError: the codec has no form for it.
        ImproperlyConfigured: there is no such serializer.
    """
    chosen = codec(serializer)
    if chosen is _JSON:
        return "application/json", "utf-8", encode_json(value)
    try:
        data = chosen.encode(value)
    except EncodeError:
        raise
    except Exception as error:  # the codec may be the user's
        raise EncodeError(f"The value cannot be written by the serializer {chosen.name!r}: {error}.") from error
    if isinstance(data, str):
        encoding = "utf-8" if chosen.content_encoding in _BINARY else chosen.content_encoding
        return chosen.content_type, encoding, data.encode(encoding)
    return chosen.content_type, chosen.content_encoding, data


def loads(data: bytes, content_type: str | None, content_encoding: str | None, accept: AbstractSet[str]) -> Any:
    """Read a value.

    Args:
        data: the bytes.
        content_type: as the message names it; parameters after ``;`` are left aside.
        content_encoding: as the message names it; empty means UTF-8.
        accept: names and content types that may be decoded.

    Raises:
        ContentDisallowed: its content type is not accepted.
        DecodeError: the bytes are not what the content type says, or nobody can read it.
    """
    kind = (content_type or "application/data").partition(";")[0].strip()
    encoding = (content_encoding or "utf-8").lower()
    found = _by_type.get(kind)
    if kind not in _TRUSTED and kind not in accept and (found is None or found.name not in accept):
        raise ContentDisallowed(
            f"Content of type {kind!r} is refused; add it to accept_content if you trust whoever sends it."
        )
    if kind == "application/json" and encoding == "utf-8" and found is _JSON:
        return decode_json(data)
    try:
        content = data if encoding in _BINARY else data.decode(encoding)
        if kind in _TRUSTED:
            return content
        if found is not None and found.decode is not None:
            return found.decode(content)
    except DecodeError:
        raise
    except Exception as error:  # the codec may be the user's, the encoding the sender's
        raise DecodeError(f"Content of type {kind!r} cannot be read: {error}.") from error
    raise DecodeError(f"Nothing here can read content of type {kind!r}.")


def _encode_raw(value: Any) -> str | bytes:
    if isinstance(value, str | bytes):
        return value
    raise TypeError(f"raw content is bytes or str, not {type(value).__name__}")


def _encode_pickle(value: Any) -> bytes:
    return pickle.dumps(value, _PICKLE_PROTOCOL)


register("json", encode_json, decode_json, "application/json")
register("pickle", _encode_pickle, pickle.loads, "application/x-python-serialize", "binary")
register("raw", _encode_raw, None, "application/data", "binary")
_JSON: Final = _by_name["json"]
