"""JSON as text with kombu's forms, for packages that keep arguments in columns of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .json_form import kombu_form, revive


def dumps_json(
    s: Any, _dumps: Callable[..., str] = json.dumps, cls: Any = None, default_kwargs: dict[str, Any] | None = None,
    **kwargs: Any,
) -> str:  # fmt: skip
    """A value as JSON text.

    Args:
        s: the value.
        cls: an encoder in the place of the one that knows kombu's forms.
        default_kwargs, kwargs: as `json.dumps` takes them.

    Example:
        >>> dumps_json({"a": (1, 2)})
        '{"a": [1, 2]}'
    """
    options = {**(default_kwargs or {}), **kwargs}
    return _dumps(s, cls=cls, **options) if cls is not None else _dumps(s, **{"default": kombu_form, **options})


def loads_json(
    s: str | bytes | bytearray | memoryview, _loads: Callable[..., Any] = json.loads, decode_bytes: bool = True,
    object_hook: Callable[[dict[str, Any]], Any] = revive,
) -> Any:  # fmt: skip
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON.

    Example:
        >>> loads_json('[1, {"a": null}]')
        [1, {'a': None}]
    """
    text = bytes(s) if isinstance(s, bytearray | memoryview) else s
    return _loads(text.decode() if isinstance(text, bytes) and decode_bytes else text, object_hook=object_hook)
