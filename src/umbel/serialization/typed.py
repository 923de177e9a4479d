"""Annotations to conversions: what arrived as plain JSON becomes what the function's parameter says.

Built once a parameter, from the outside in; a part that JSON carries as it is needs no conversion and costs nothing.

    Struct, dataclass, attrs, NamedTuple     msgspec; fields may hold pydantic models and other classes
    pydantic models and dataclasses          pydantic, by field name or alias
    Enum                                     by value
    datetime date time timedelta Decimal UUID bytes     from text, unless kombu's form made them already
    list set tuple dict and their abstract forms        element by element, when an element needs it
    A | B                                    see `_Union`

A value that already has its type is left alone: the same function checks the arguments of `delay()`. Wrong data raises
TypeError with the path to it; the value itself is never shown, it may be a secret.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import sys
import types
import typing
from collections import abc
from collections.abc import Callable
from typing import Any, Final

import msgspec

from .typed_leaves import Convert, Mismatch, enum_values, key_of, record, text, validated

_NOTHING: Final = (Any, object, str, int, float, bool, None, type(None), list, dict, inspect.Parameter.empty)
_LISTS: Final = (list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_SETS: Final = {set: set, frozenset: frozenset, abc.Set: frozenset, abc.MutableSet: set}
_DICTS: Final = (dict, abc.Mapping, abc.MutableMapping)


def converter(annotation: Any, name: str = "value") -> Callable[[Any], Any] | None:
    """A function that turns what arrived for a parameter into the annotated type.

    Args:
        annotation: the parameter's type, resolved (not a string).
        name: the parameter's name, for errors.

    Returns:
        The function, or None when nothing is to be converted (int, str, list, Any, no annotation, ...). It raises
        TypeError with the path of what does not fit.

    Raises:
        TypeError: the annotation holds a type that nobody here can read.

    Example:
        >>> from uuid import UUID
        >>> converter(dict[str, UUID])({"a": "00000000-0000-0000-0000-000000000005"})
        {'a': UUID('00000000-0000-0000-0000-000000000005')}
        >>> converter(int) is None
        True
    """
    try:
        convert = _build(annotation)
    except NameError as error:
        raise TypeError(f"{name}: the fields of {annotation!r} cannot be resolved: {error}.") from error
    if convert is None:
        return None

    def run(value: Any) -> Any:
        try:
            return convert(value)
        except Mismatch as wrong:
            raise TypeError(f"{name}{''.join(wrong.path)}: {wrong.problem}.") from wrong.__cause__

    return run


def _build(hint: Any) -> Convert | None:
    hint = _unwrap(hint)
    if any(hint is plain for plain in _NOTHING):
        return None
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _annotated(hint, args)
    if origin is typing.Union or origin is types.UnionType:
        return _union(args)
    if origin is None:
        return _leaf(hint) if isinstance(hint, type) else None
    if origin in _LISTS:
        return _listing(args[0]) if args else None
    if origin in _SETS:
        return _gathered(_build(args[0]), _SETS[origin])
    if origin is tuple:
        return _tuple(args)
    if origin in _DICTS:
        return _mapping(*args)
    return _record(hint, origin) if _is_record(origin) else None


def _unwrap(hint: Any) -> Any:
    """The type behind ``NewType`` and ``type X = ...``."""
    while True:
        behind = getattr(hint, "__supertype__", None) or getattr(hint, "__value__", None)
        if behind is None or isinstance(hint, type):
            return hint
        hint = behind


def _annotated(hint: Any, args: tuple[Any, ...]) -> Convert | None:
    """``Annotated``: constraints of msgspec and pydantic are checked by those who know them."""
    if any(isinstance(extra, msgspec.Meta) for extra in args[1:]):
        return record(hint, object)
    modules = {type(extra).__module__.partition(".")[0] for extra in args[1:]}
    if "pydantic" in sys.modules and modules & {"pydantic", "annotated_types"}:
        return validated(hint, object)
    return _build(args[0])


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and (
        issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__")
    )


def _record(hint: Any, kind: Any) -> Convert:
    try:
        return record(hint, kind)
    except TypeError:  # msgspec refuses some unions and Enums
        if not dataclasses.is_dataclass(kind):
            raise
        return _fieldwise(kind)


def _fieldwise(kind: Any) -> Convert:
    """A dataclass that msgspec cannot read: field by field."""
    fields = [field for field in dataclasses.fields(kind) if field.init]
    nothing = dataclasses.MISSING
    required = [field.name for field in fields if field.default is nothing and field.default_factory is nothing]

    @functools.cache  # at the first value: the class may name itself
    def steps() -> dict[str, Convert | None]:
        hints = typing.get_type_hints(kind, include_extras=True)
        return {field.name: _build(hints[field.name]) for field in fields}

    def convert(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        if not isinstance(value, abc.Mapping):
            raise Mismatch.of("an object", value)
        for name in required:
            if name not in value:
                raise Mismatch(f"misses the field {name}")
        return kind(**{name: _at(f".{name}", step, value[name]) for name, step in steps().items() if name in value})

    return convert


def _leaf(kind: type) -> Convert | None:
    """A class without parameters."""
    pydantic: Any = sys.modules.get("pydantic")
    if pydantic is not None and (issubclass(kind, pydantic.BaseModel) or hasattr(kind, "__pydantic_validator__")):
        return validated(kind, kind)
    if _is_record(kind):
        return _record(kind, kind)
    if issubclass(kind, enum.Enum):
        return enum_values(kind)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return record(kind, kind)
    if kind in _SETS:
        return _gathered(None, _SETS[kind])
    if kind is tuple:
        return _tuple((Any, ...))
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        return record(kind, object) if any(_build(hint) for hint in hints.values()) else None
    return text(kind)


def _each(convert: Convert | None, values: Any) -> list[Any]:
    if convert is None:
        return list(values)
    made: list[Any] = []
    try:
        for item in values:
            made.append(convert(item))  # noqa: PERF401 - its length tells where it stopped
    except Mismatch as wrong:
        wrong.path.insert(0, f"[{len(made)}]")
        raise
    return made


def _listing(hint: Any) -> Convert | None:
    inner = _build(hint)
    if inner is None:
        return None

    def convert(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise Mismatch.of("a list", value)
        return _each(inner, value)

    return convert


def _gathered(inner: Convert | None, into: Callable[[Any], Any]) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, list | tuple | set | frozenset):
            raise Mismatch.of("a list of different values", value)
        try:
            return into(_each(inner, value))
        except TypeError:
            raise Mismatch("holds lists or dicts, which no set can hold") from None

    return convert


def _tuple(args: tuple[Any, ...]) -> Convert:
    endless = len(args) == 2 and args[1] is Ellipsis
    inner = [_build(arg) for arg in args if arg is not Ellipsis]

    def convert(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise Mismatch.of("a list", value)
        if endless:
            return tuple(_each(inner[0], value))
        if len(value) != len(inner):
            raise Mismatch(f"expected {len(inner)} items, got {len(value)}")
        made = []
        for position, (step, item) in enumerate(zip(inner, value, strict=True)):
            made.append(_at(f"[{position}]", step, item))
        return tuple(made)

    return convert


def _at(step: str, convert: Convert | None, item: Any) -> Any:
    try:
        return item if convert is None else convert(item)
    except Mismatch as wrong:
        wrong.path.insert(0, step)
        raise


def _mapping(key_hint: Any, item_hint: Any) -> Convert | None:
    key, inner = key_of(_unwrap(key_hint)), _build(item_hint)
    if key is None and inner is None:
        return None

    def convert(value: Any) -> Any:
        if not isinstance(value, abc.Mapping):
            raise Mismatch.of("an object", value)
        made = {}
        for name, item in value.items():
            try:
                known = name if key is None else key(name)
                made[known] = item if inner is None else inner(item)
            except Mismatch as wrong:
                wrong.path.insert(0, f"[{name!r}]")
                raise
        return made

    return convert


class _Union:
    """``A | B``: the first of these that takes the value.

    1. None, when it is allowed.
    2. Types that travel as plain JSON (models, Enums, tuples, sets), the one first that knows all the keys.
    3. Plain types, when the value has exactly that type: a str stays a str under ``UUID | str``.
    4. Types that are read from text.
    5. Anything, when an arm cannot be checked (Any, a class that JSON does not know).
    """

    def __init__(self, hints: tuple[Any, ...]) -> None:
        arms = [(hint, _build(hint)) for hint in map(_unwrap, hints)]
        self.optional = any(hint is None or hint is type(None) for hint, _ in arms)
        self.plain = tuple(kind for hint, convert in arms if convert is None and (kind := _plain_kind(hint)))
        self.anything = any(
            convert is None and not _plain_kind(hint) for hint, convert in arms if hint is not type(None)
        )
        made = [(hint, convert) for hint, convert in arms if convert is not None]
        self.wire = [convert for hint, convert in made if text(hint) is None]
        self.text = [convert for hint, convert in made if text(hint) is not None]

    def __call__(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        wrongs: list[Mismatch] = []
        for convert in self._ordered(value):
            try:
                return convert(value)
            except Mismatch as wrong:
                wrongs.append(wrong)
        if type(value) in self.plain or self.anything:
            return value
        for convert in self.text:
            try:
                return convert(value)
            except Mismatch as wrong:
                wrongs.append(wrong)
        if len(wrongs) == 1:
            raise wrongs[0]
        raise Mismatch("fits none of the types it may have (" + "; ".join(wrong.sentence() for wrong in wrongs) + ")")

    def _ordered(self, value: Any) -> list[Convert]:
        if len(self.wire) < 2 or not isinstance(value, dict):
            return self.wire
        return sorted(self.wire, key=lambda convert: len(value.keys() - getattr(convert, "fields", frozenset())))


def _plain_kind(hint: Any) -> type | None:
    kind = typing.get_origin(hint) or hint
    return kind if kind in (str, int, float, bool, list, dict) else None


def _union(hints: tuple[Any, ...]) -> Convert | None:
    if all(_build(hint) is None for hint in hints):
        return None
    return _Union(hints)
