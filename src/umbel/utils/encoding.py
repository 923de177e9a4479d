"""Texts and bytes, by the names that packages written for Celery have for them."""

from __future__ import annotations

import base64
from typing import Any

from ..saferepr import saferepr


def safe_str(s: Any, errors: str = "replace") -> str:
    """Any value as text, and never an error: texts as they are, bytes as UTF-8, all else as ``str`` has it.

    Example:
        >>> safe_str(b"caf\\xc3\\xa9")
        'café'
    """
    if isinstance(s, bytes):
        return s.decode("utf-8", errors)
    try:
        return str(s)
    except Exception as error:
        return f"<Unrepresentable {type(s)!r}: {error!r}>"


def safe_repr(o: Any, errors: str = "replace") -> str:
    """The repr of any value, and never an error."""
    try:
        return repr(o)
    except Exception:
        return saferepr(o)


def bytes_to_str(s: Any) -> Any:
    """Bytes as text; all else as it is."""
    return s.decode("utf-8", "replace") if isinstance(s, bytes) else s


def str_to_bytes(s: Any) -> Any:
    """A text as bytes; all else as it is."""
    return s.encode() if isinstance(s, str) else s


def b64encode(s: Any) -> str:
    """Bytes, or a text, as base64 text.

    Example:
        >>> b64encode(b"bytes"), b64decode("Ynl0ZXM=")
        ('Ynl0ZXM=', b'bytes')
    """
    return base64.b64encode(str_to_bytes(s)).decode("ascii")


def b64decode(s: Any) -> bytes:
    """What `b64encode` wrote."""
    return base64.b64decode(str_to_bytes(s))


def get_full_cls_name(obj: Any) -> str:
    """Module and name of a class.

    Example:
        >>> get_full_cls_name(ValueError)
        'builtins.ValueError'
    """
    return f"{obj.__module__}.{obj.__name__}"
