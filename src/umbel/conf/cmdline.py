"""Settings out of the words of a command line, in Celery's form.

namespace.key=value      worker.prefetch_multiplier=1; in any case, a dot or an underscore between the parts
.key=value               in the command's own namespace: .concurrency=2 of a worker
key=(type)value          (int)5, (float)0.5, (bool)yes, (string)5, and JSON behind (json), (tuple), (list), (dict)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from ..exceptions import ImproperlyConfigured
from .accepted import ACCEPTED
from .names import canonical, refuse_or_warn
from .table import SETTINGS

_CAST: Final = re.compile(r"\((\w+)\)")
_TRUTH: Final = {
    "true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


def overrides(arguments: Iterable[str], namespace: str = "celery") -> dict[str, Any]:
    """Name of the setting -> value.

    Args:
        arguments: the words.
        namespace: what a word that begins with a dot or an underscore is about.

    Raises:
        ImproperlyConfigured: a word is none of this form, looks like a setting but is none, or its value cannot be
            read.

    Example:
        >>> overrides(["worker.prefetch_multiplier=1", ".concurrency=2", "broker_pool_limit=(int)5"], "worker")
        {'worker_prefetch_multiplier': 1, 'worker_concurrency': 2, 'broker_pool_limit': 5}
    """
    return dict(_setting(word, namespace) for word in arguments)


def _setting(word: str, namespace: str) -> tuple[str, Any]:
    key, equals, text = word.partition("=")
    key = key.strip().lower().replace(".", "_")
    if not equals or not key.strip("_"):
        raise ImproperlyConfigured(
            f"{word!r} is no setting: write namespace.key=value, as in worker.prefetch_multiplier=1."
        )
    written = f"{namespace.lower()}{key}" if key.startswith("_") else key
    name = canonical(written) or canonical(written.upper())
    if name is None:
        refuse_or_warn(written)
        name = written
    cast = _CAST.match(text)
    kind = cast[1].lower() if cast else _kind(name)
    if kind not in _READERS:
        raise ImproperlyConfigured(f"{name} has a value of type {kind!r}; there are {', '.join(_TYPES)}.")
    what, read = _READERS[kind]
    try:
        return name, read(text[cast.end() :] if cast else text)
    except ValueError:
        raise ImproperlyConfigured(f"The setting {name} must be {what}; its value cannot be read as that.") from None


def _kind(name: str) -> str:
    """How the text of a setting is read that says no type of its own."""
    row = SETTINGS.get(name)
    if row is not None:
        return row.kind
    default = ACCEPTED.get(name)
    for kind, types in (("bool", bool), ("number", int | float), ("dict", dict), ("names", list | tuple)):
        if isinstance(default, types):
            return kind
    return "any"


def _bool(text: str) -> bool:
    try:
        return _TRUTH[text.strip().lower()]
    except KeyError:
        raise ValueError(text) from None


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _names(text: str) -> Any:
    return json.loads(text) if text.lstrip().startswith("[") else tuple(filter(None, map(str.strip, text.split(","))))


def _count(text: str) -> int | str:
    return text if text == "auto" else int(text)


_JSON: Final = ("JSON", json.loads)
_TEXT: Final = ("a text", str)
_READERS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "bool": ("true or false", _bool),
    "int": ("a whole number", int),
    "count": ('a whole number or "auto"', _count),
    "float": ("a number", float),
    "number": ("a number", _number),
    "seconds": ("a number of seconds", _number),
    "names": ("a list of texts with commas between them, or JSON", _names),
    **dict.fromkeys(("text", "string", "url", "zone", "any"), _TEXT),
    **dict.fromkeys(("json", "tuple", "list", "dict", "queues", "routes"), _JSON),
}  # fmt: skip
_TYPES: Final = ("string", "int", "float", "bool", "json", "tuple", "list", "dict")
