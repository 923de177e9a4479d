"""Texts and bytes, by the names that packages written for Celery have for them."""

from __future__ import annotations

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
