"""JSON as kombu writes it: what JSON has no word for becomes ``{"__type__": name, "__value__": text}``.

    datetime, date, time   ISO 8601 text          UUID     {"hex": text}
    Decimal                its text               bytes    "bytes" when it is UTF-8, else "base64"
    tuple                  a list                 objects  what their ``__json__()`` returns

Structs, dataclasses, attrs classes, Enums and pydantic models become plain JSON, readable by every other program; the
receiver's annotations bring them back (`typed.py`). NaN and the infinities, half surrogates and keys that are numbers
are written as Python's json module writes them. Sets are refused, as kombu refuses them; `register_type` adds forms.

The usual message holds only plain values: one look at their types, then msgspec. Anything else goes to the json module.
Source: the forms of kombu 5.7 ``kombu.utils.json``.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import enum
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from ..exceptions import DecodeError, EncodeError

_ATOMS: Final = frozenset({str, int, bool, type(None)})
_fast_encode: Final = msgspec.json.Encoder().encode
_fast_decode: Final = msgspec.json.Decoder().decode
_TOO_DEEP: Final = "The value is nested too deeply, or contains itself"


def encode_json(value: object) -> bytes:
    """Write a value as JSON.

    Raises:
        EncodeError: it holds something that has no JSON form; the sentence names the type.

    Example:
        >>> encode_json({"at": dt.date(2030, 1, 2), "n": (1, 2)})
        b'{"at":{"__type__":"date","__value__":"2030-01-02"},"n":[1,2]}'
    """
    try:
        if _plain(value):
            return _fast_encode(value)
    except RecursionError:
        raise EncodeError(f"{_TOO_DEEP}.") from None
    except ValueError:  # half surrogates: only the json module writes them
        pass
    try:
        try:
            return _full_encode(value).encode("ascii")
        except TypeError as error:
            if not str(error).startswith("keys must be"):
                raise
            return _full_encode(_plain_keys(value)).encode("ascii")
    except RecursionError:
        raise EncodeError(f"{_TOO_DEEP}.") from None
    except Exception as error:  # a user's `__json__`, or a form that a user registered
        raise EncodeError(f"The value cannot be sent as JSON: {error}.") from error


def decode_json(data: bytes | str) -> Any:
    """Read JSON, kombu's forms included.

    Raises:
        DecodeError: it is not JSON, is nested too deeply, or has a form with a wrong value.

    Example:
        >>> decode_json(b'[1, {"__type__": "uuid", "__value__": {"hex": "00000000000000000000000000000005"}}]')
        [1, UUID('00000000-0000-0000-0000-000000000005')]
    """
    text = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    try:
        if b'"__type__"' not in text:
            return _fast_decode(text)
    except (ValueError, RecursionError):  # NaN, half surrogates, numbers out of range: the json module reads more
        pass
    try:
        return _full_decode(text.decode("utf-8", "surrogatepass"))
    except RecursionError:
        raise DecodeError("The JSON is nested too deeply.") from None
    except Exception as error:  # what a reviver raises, perhaps a user's
        raise DecodeError(f"The JSON cannot be read: {error}.") from error


def _plain(value: Any) -> bool:
    """Whether msgspec writes this value exactly as kombu would."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind is float:
        return bool(value - value == 0.0)  # not so for NaN and the infinities, which msgspec would write as null
    if kind is dict:
        for key in value:
            if type(key) is not str:
                return False
        value = value.values()
    elif kind is not list and kind is not tuple:
        return False
    for item in value:  # noqa: SIM110 - a generator would double the cost of the usual message
        if type(item) not in _ATOMS and not _plain(item):
            return False
    return True


def kombu_form(value: Any) -> Any:
    """What the json module is given for a value that it does not know; it walks the answer in turn."""
    form = _FORMS.get(type(value))
    if form is not None:
        return form(value)
    if not isinstance(value, type):
        if callable(method := getattr(value, "__json__", None)):
            return method()
        for kind, form in _FORMS.items():
            if isinstance(value, kind):
                return form(value)
    return as_plain(value)


def as_plain(value: Any, language: str = "JSON") -> Any:
    """A model, an Enum or an object with ``__json__()`` as plainer values; the caller walks the answer in turn.

    Args:
        value: anything that the language itself has no word for.
        language: its name, for the error.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, type):
        return _foreign(value, language)
    if callable(method := getattr(value, "__json__", None)):
        return method()
    if _is_record(value):
        return msgspec.to_builtins(value, str_keys=True, enc_hook=_field)
    return _foreign(value, language)


def register_type(
    kind: type, marker: str | None, encoder: Callable[[Any], Any], decoder: Callable[[Any], Any] | None = None
) -> None:
    """Give a type a form in JSON, as kombu's function of that name does.

    Args:
        kind: the type; values of its subclasses have the form too.
        marker: ``__type__`` of the form; None writes what ``encoder`` returns as it is, and nothing turns it back.
        encoder: value -> what stands for it: anything that JSON can carry.
        decoder: the reverse; what ``encoder`` wrote is left as it is without one.

    Example:
        >>> class Point:
        ...     def __init__(self, x, y):
        ...         self.x, self.y = x, y
        >>> register_type(Point, "point", lambda point: [point.x, point.y], lambda pair: Point(*pair))
        >>> decode_json(encode_json([Point(1, 2)]))[0].y
        2
    """
    if marker is None:
        _FORMS[kind] = encoder
        return
    _FORMS[kind] = lambda value: {"__type__": marker, "__value__": encoder(value)}
    _REVIVERS[marker] = decoder or (lambda form: form)


def _is_record(value: Any) -> bool:
    return isinstance(value, msgspec.Struct) or dataclasses.is_dataclass(value) or hasattr(value, "__attrs_attrs__")


def _field(value: Any) -> Any:
    """A field of a Struct or dataclass that msgspec has no form for; it walks the answer in turn."""
    if isinstance(value, str):
        return str.__str__(value)
    if not isinstance(value, type) and callable(method := getattr(value, "__json__", None)):
        return json.loads(_full_encode(method()))
    return _foreign(value)


def _foreign(value: Any, language: str = "JSON") -> Any:
    """Types of packages that are looked at only when they are imported already."""
    for module, name, form in _FOREIGN:
        found = sys.modules.get(module)
        if found is not None and isinstance(value, getattr(found, name)):
            return form(value)
    hint = "; make it a list" if isinstance(value, set | frozenset) else ""
    raise TypeError(f"an object of type {type(value).__qualname__!r} has no {language} form{hint}")


def _plain_keys(value: Any) -> Any:
    """The same value with Enums as keys replaced by what they stand for."""
    if isinstance(value, dict):
        return {key.value if isinstance(key, enum.Enum) else key: _plain_keys(item) for key, item in value.items()}
    return [_plain_keys(item) for item in value] if isinstance(value, list | tuple) else value


def _bytes_form(value: bytes) -> dict[str, str]:
    try:
        return {"__type__": "bytes", "__value__": value.decode()}
    except UnicodeDecodeError:
        return {"__type__": "base64", "__value__": base64.b64encode(value).decode()}


_FOREIGN: Final[tuple[tuple[str, str, Callable[[Any], Any]], ...]] = (
    ("pydantic", "BaseModel", lambda model: model.model_dump(mode="json")),
    ("django.utils.functional", "Promise", str),
)

# A datetime is a date too, so its row comes first.
_FORMS: Final[dict[type, Callable[[Any], Any]]] = {
    dt.datetime: lambda value: {"__type__": "datetime", "__value__": value.isoformat()},
    dt.date: lambda value: {"__type__": "date", "__value__": value.isoformat()},
    dt.time: lambda value: {"__type__": "time", "__value__": value.isoformat()},
    Decimal: lambda value: {"__type__": "decimal", "__value__": str(value)},
    UUID: lambda value: {"__type__": "uuid", "__value__": {"hex": value.hex}},
    bytes: _bytes_form,
}


def _uuid(value: Any) -> UUID:
    return UUID(**value) if isinstance(value, dict) else UUID(value)


_REVIVERS: Final[dict[str, Callable[[Any], Any]]] = {
    "datetime": dt.datetime.fromisoformat,
    "date": lambda text: dt.datetime.fromisoformat(text).date(),
    "time": dt.time.fromisoformat,
    "decimal": lambda text: Decimal(str(text)),
    "uuid": _uuid,
    "bytes": lambda text: text.encode(),
    "base64": lambda text: base64.b64decode(text.encode()),
}


def revive(found: dict[str, Any]) -> Any:
    """The value of one of kombu's forms; another object stays a dict."""
    if len(found) != 2 or "__type__" not in found or "__value__" not in found:
        return found
    name = found["__type__"]
    reviver = _REVIVERS.get(name) if isinstance(name, str) else None
    if reviver is None:
        raise ValueError(f"unknown __type__ {name!r}")
    return reviver(found["__value__"])


_full_encode: Final = json.JSONEncoder(separators=(",", ":"), default=kombu_form, check_circular=False).encode
_full_decode: Final = json.JSONDecoder(object_hook=revive).decode
