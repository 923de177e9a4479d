"""What the value of a setting may be. A wrong one is refused where it is written, in one sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta, tzinfo
from typing import Any, Final
from zoneinfo import available_timezones

from ..exceptions import ImproperlyConfigured
from ..routing import compile_routes, queues_of
from .table import Kind, Setting


def checked(row: Setting | None, value: Any) -> Any:
    """The value to keep; a setting without a row takes anything.

    Raises:
        ImproperlyConfigured: it cannot be a value of this setting. The value itself is not shown, it may be a secret.
    """
    if row is None:
        return value
    if value is None and (row.default is None or row.kind in ("bool", "seconds")):
        return False if row.kind == "bool" and row.default is not None else None
    if row.kind == "count" and value == "auto":
        return None
    if row.kind in _READERS:
        _READERS[row.kind](value)
        return value
    words, fits = _KINDS[row.kind]
    if not fits(value):
        raise ImproperlyConfigured(f"The setting {row.name} must be {words}, not {_shown(value)}.")
    if row.least is not None and value is not None and value < row.least:
        raise ImproperlyConfigured(f"The setting {row.name} must be at least {row.least:g}, not {value!r}.")
    if row.fixed and value != row.default:
        raise ImproperlyConfigured(f"The setting {row.name} must be {row.default!r}, not {value!r}: {row.fixed}.")
    return bool(value) if row.kind == "bool" else value


def _shown(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return repr(value)
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _is_seconds(value: Any) -> bool:
    return isinstance(value, timedelta) or _is_number(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and all(isinstance(name, str) for name in value)


def _is_url(value: Any) -> bool:
    return isinstance(value, str) or _is_names(value)


def _is_zone(value: Any) -> bool:
    return isinstance(value, tzinfo) or (isinstance(value, str) and value in available_timezones())


_KINDS: Final[dict[Kind, tuple[str, Callable[[Any], bool]]]] = {
    "bool": ("True or False", lambda value: isinstance(value, bool) or value in (0, 1)),
    "int": ("a whole number", _is_int),
    "count": ('a whole number or "auto"', _is_int),
    "number": ("a number", _is_number),
    "seconds": ("a number of seconds or a timedelta", _is_seconds),
    "text": ("a text that is not empty", _is_text),
    "names": ("a list of texts", _is_names),
    "dict": ("a dict", lambda value: isinstance(value, dict)),
    "url": ("a URL", _is_url),
    "zone": ("the name of a time zone, for instance 'Europe/Berlin', or a tzinfo", _is_zone),
    "any": ("anything", lambda _value: True),
}

_READERS: Final[dict[Kind, Callable[[Any], object]]] = {"queues": queues_of, "routes": compile_routes}
"""Kinds with a form of their own: whoever reads them says what is wrong."""
