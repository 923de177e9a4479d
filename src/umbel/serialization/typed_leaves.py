"""The conversions of single types, for `typed.py`."""

from __future__ import annotations

import base64
import datetime as dt
import enum
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

Convert = Callable[[Any], Any]


class Mismatch(Exception):
    """A value that does not fit; each container on the way out puts its step before ``path``."""

    def __init__(self, problem: str, path: list[str] | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path or []

    @classmethod
    def of(cls, wanted: str, value: Any) -> Mismatch:
        return cls(f"expected {wanted}, got {type(value).__name__}")

    def sentence(self) -> str:
        """Path and problem, for a list of several."""
        where = "".join(self.path)
        return f"{where}: {self.problem}" if where else self.problem


class _Record:
    """A conversion by msgspec or pydantic, with the names that its objects have on the wire."""

    def __init__(self, kind: Any, convert: Convert, fields: frozenset[str]) -> None:
        self.kind = kind
        self.convert = convert
        self.fields = fields

    def __call__(self, value: Any) -> Any:
        if self.kind is not object and isinstance(value, self.kind):
            return value
        return self.convert(value)


def record(hint: Any, kind: Any) -> Convert:
    """Structs, dataclasses, attrs classes, TypedDicts and msgspec's constraints.

    Raises:
        TypeError: msgspec cannot read a field's type; the sentence names it.
    """
    try:
        fields = frozenset(field.encode_name for field in msgspec.inspect.type_info(hint).fields)  # type: ignore[attr-defined]
    except AttributeError:  # constraints have no fields
        fields = frozenset[str]()

    def convert(value: Any) -> Any:
        try:
            return msgspec.convert(value, hint, dec_hook=_foreign_field, str_keys=True)
        except msgspec.ValidationError as error:
            raise _from_msgspec(error) from error

    return _Record(kind, convert, fields)


def _from_msgspec(error: msgspec.ValidationError) -> Mismatch:
    problem, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").replace("[...]", "[any]")
    if problem.startswith((".", "[")):  # found by pydantic, further inside
        inside, _, problem = problem.partition(": ")
        path += inside
    problem = problem[:1].lower() + problem[1:].replace("`", "")
    return Mismatch(problem, [path] if path else None)


def _foreign_field(kind: Any, value: Any) -> Any:
    """A field's type that msgspec does not know."""
    if isinstance(kind, type) and isinstance(value, kind):
        return value
    if hasattr(kind, "__pydantic_validator__"):
        try:
            return validated(kind, kind)(value)
        except Mismatch as wrong:
            raise ValueError(wrong.sentence()) from wrong
    raise TypeError(f"Expected {getattr(kind, '__name__', kind)}, got {type(value).__name__}")


def validated(hint: Any, kind: Any) -> Convert:
    """Pydantic models, pydantic dataclasses and pydantic's constraints."""
    pydantic: Any = sys.modules["pydantic"]
    adapter = pydantic.TypeAdapter(hint)
    version = tuple(int(part) for part in pydantic.VERSION.split(".")[:2])
    # umbel writes field names, as Celery does; other programs may write the aliases.
    how = {"by_alias": True, "by_name": True} if version >= (2, 11) else {}
    model_fields = getattr(kind, "model_fields", {})
    fields = frozenset(model_fields) | {field.alias for field in model_fields.values() if field.alias}

    def convert(value: Any) -> Any:
        try:
            return adapter.validate_python(value, **how)
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
            raise Mismatch(first["msg"][:1].lower() + first["msg"][1:], [path]) from error

    return _Record(kind, convert, fields)


def enum_values(kind: type[enum.Enum]) -> Convert:
    def convert(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        try:
            return kind(tuple(value) if isinstance(value, list) else value)
        except ValueError:
            raise Mismatch(f"is no value of {kind.__name__}") from None

    return convert


def _delta(value: Any) -> dt.timedelta:
    return msgspec.convert(value, dt.timedelta) if isinstance(value, str) else dt.timedelta(seconds=value)


def _base64(value: str) -> bytes:
    return base64.b64decode(value, validate=True)


# type -> (reader, what the reader takes, words for it)
_TEXTS: Final[dict[type, tuple[Callable[[Any], Any], tuple[type, ...], str]]] = {
    dt.datetime: (dt.datetime.fromisoformat, (str,), "a date and time in ISO 8601"),
    dt.date: (dt.date.fromisoformat, (str,), "a date in ISO 8601"),
    dt.time: (dt.time.fromisoformat, (str,), "a time in ISO 8601"),
    dt.timedelta: (_delta, (str, int, float), "seconds, or a duration in ISO 8601"),
    Decimal: (lambda value: Decimal(str(value)), (str, int, float), "a decimal number"),
    UUID: (UUID, (str,), "a UUID"),
    bytes: (_base64, (str,), "bytes, or text in base64"),
}


def text(kind: Any) -> Convert | None:
    """Types that kombu has a form for, from that form or from plain text; None for any other type."""
    row = _TEXTS.get(kind) if isinstance(kind, type) else None
    if row is None:
        return None
    read, takes, words = row

    def convert(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        if not isinstance(value, takes) or isinstance(value, bool):
            raise Mismatch.of(words, value)
        try:
            return read(value)
        except (ValueError, ArithmeticError):
            raise Mismatch(f"expected {words}, got other text") from None

    return convert


_TRUTH: Final = {"true": True, "false": False}


def key_of(hint: Any) -> Convert | None:
    """Keys: JSON has only text, so numbers and the other types are read back from it."""
    if hint is int or hint is float:
        read: Callable[[Any], Any] = int if hint is int else float
    elif hint is bool:
        read = _TRUTH.__getitem__
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        read = {str(member.value): member for member in hint}.__getitem__
    else:
        return text(hint)

    def convert(value: Any) -> Any:
        if not isinstance(value, str) or isinstance(value, enum.Enum):
            return value
        try:
            return read(value)
        except (ValueError, KeyError):
            raise Mismatch(f"this key is no {hint.__name__}") from None

    return convert
