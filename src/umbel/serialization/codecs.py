"""The registry of codecs: a serializer's name, its content type, and who may be decoded.

A message names its content type; it is decoded only when the reader accepts that type. Raw bytes and text carry no
structure and are always accepted. Pickle can run code while it is read, so it needs to be named in `accept_content`.

    name      content type                      encoding   needs
    json      application/json                  utf-8
    msgpack   application/x-msgpack             binary
    yaml      application/x-yaml                utf-8      the extra `yaml`
    pickle    application/x-python-serialize    binary
    raw       application/data                  binary     written only; str and bytes

Source: the names and types of kombu 5.7 ``kombu.serialization``.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from ..exceptions import ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured, MissingExtra
from .json_form import decode_json, encode_json
from .msgpack_form import decode_msgpack, encode_msgpack
from .yaml_form import decode_yaml, encode_yaml, yaml_ready

_TRUSTED: Final = frozenset({"application/data", "application/text"})
_BINARY: Final = frozenset({"binary", "ascii-8bit"})
_PICKLE_PROTOCOL: Final = 4  # what Celery's own messages have


class Codec(msgspec.Struct, frozen=True):
    """One way to write values.

    Attributes:
        name: what ``serializer=`` and `accept_content` call it.
        content_type: what a message calls it.
        content_encoding: "utf-8" for text, "binary" for bytes.
        encode: value -> str or bytes; None when it can only be read.
        decode: str (text encodings) or bytes ("binary") -> value; None when it can only be written.
        ready: raises MissingExtra when a package is missing; None when none is needed.
    """

    name: str
    content_type: str
    content_encoding: str
    encode: Callable[[Any], str | bytes] | None
    decode: Callable[[Any], Any] | None
    ready: Callable[[], object] | None = None


_by_name: dict[str, Codec] = {}
_by_type: dict[str, Codec] = {}


def register(
    name: str,
    encoder: Callable[[Any], str | bytes] | None,
    decoder: Callable[[Any], Any] | None,
    content_type: str,
    content_encoding: str = "utf-8",
) -> None:
    """Add a serializer, or replace the one of that name.

    Args:
        name: for ``serializer=`` and `accept_content`.
        encoder: value -> str or bytes; None when it is only read.
        decoder: gets str, or bytes when ``content_encoding`` is "binary"; None when it is only written.
        content_type: travels with each message.
        content_encoding: the text encoding, or "binary".

    Example:
        >>> register("upper", str.upper, str.lower, "text/x-upper")
        >>> loads(b"ABC", "text/x-upper", "utf-8", frozenset({"upper"}))
        'abc'
    """
    _keep(Codec(name, content_type, content_encoding, encoder, decoder))


def _keep(made: Codec) -> None:
    _by_name[made.name] = made
    _by_type[made.content_type] = made


def unregister(name: str) -> None:
    """Remove a serializer: messages of its content type are then refused, or dead letters where they were accepted.

    Args:
        name: as it was registered.

    Raises:
        ImproperlyConfigured: nobody registered it.
    """
    found = codec(name)
    del _by_name[found.name]
    if _by_type.get(found.content_type) is found:
        del _by_type[found.content_type]


def acceptable(names: Iterable[str], setting: str = "accept_content") -> frozenset[str]:
    """What may be decoded, as content types; a setting that names a serializer that nobody has is found here.

    Args:
        names: serializers and content types; a content type need not be known here.
        setting: where they were written, for the error.

    Raises:
        ImproperlyConfigured: a name is unknown.
        MissingExtra: one of them needs a package; the sentence has the command to type.

    Example:
        >>> sorted(acceptable(["json", "application/x-own"]))
        ['application/json', 'application/x-own']
    """
    types = set()
    for name in names:
        found = _by_type.get(name) if "/" in name else _by_name.get(name)
        if found is None and "/" not in name:
            raise ImproperlyConfigured(f"{_unknown(name)} The setting {setting} names it.")
        if found is not None and found.ready is not None:
            found.ready()
        types.add(name if found is None else found.content_type)
    return frozenset(types)


def is_own_json(name: str) -> bool:
    """Whether a name or content type stands for the JSON of this package, and nobody has registered another."""
    return _by_name.get("json") is _JSON and _by_type.get(name, _by_name.get(name)) is _JSON


def codec(name: str) -> Codec:
    """The codec of a name or content type.

    Raises:
        ImproperlyConfigured: nobody registered it.
    """
    found = _by_name.get(name) or _by_type.get(name)
    if found is None:
        raise ImproperlyConfigured(_unknown(name))
    return found


def _unknown(name: str) -> str:
    return f"There is no serializer {name!r}; choose one of: {', '.join(sorted(_by_name))}."


def dumps(value: Any, serializer: str = "json") -> tuple[str, str, bytes]:
    """Write a value.

    Args:
        value: the value; with "raw" it must be str or bytes.
        serializer: name of a codec.

    Returns:
        content type, content encoding, bytes.

    Raises:
        EncodeError: the codec has no form for it.
        MissingExtra: it needs a package; the sentence has the command to type.
        ImproperlyConfigured: there is no such serializer.
    """
    chosen = codec(serializer)
    if chosen is _JSON:
        return "application/json", "utf-8", encode_json(value)
    if chosen.encode is None:
        raise EncodeError(f"The serializer {chosen.name!r} can only be read; choose another one to send with.")
    try:
        data = chosen.encode(value)
    except (EncodeError, MissingExtra):
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
        MissingExtra: reading it needs a package; the sentence has the command to type.
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
    except (DecodeError, MissingExtra):
        raise
    except Exception as error:  # the codec may be the user's, the encoding the sender's
        why = " ".join(str(error).split())  # some parsers draw pictures
        raise DecodeError(f"Content of type {kind!r} cannot be read: {why}.") from error
    raise DecodeError(f"Nothing here can read content of type {kind!r}.")


def _encode_raw(value: Any) -> str | bytes:
    if isinstance(value, str | bytes):
        return value
    raise TypeError(f"raw content is bytes or str, not {type(value).__name__}")


def _encode_pickle(value: Any) -> bytes:
    return pickle.dumps(value, _PICKLE_PROTOCOL)


register("json", encode_json, decode_json, "application/json")
register("msgpack", encode_msgpack, decode_msgpack, "application/x-msgpack", "binary")
_keep(Codec("yaml", "application/x-yaml", "utf-8", encode_yaml, decode_yaml, yaml_ready))
register("pickle", _encode_pickle, pickle.loads, "application/x-python-serialize", "binary")
register("raw", _encode_raw, None, "application/data", "binary")
_JSON: Final = _by_name["json"]
