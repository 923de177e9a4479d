"""Short text of any value, for headers, events and logs: bounded in length and depth, and never raising.

The rules are those that Celery's readers know (3 levels, 1,024 characters, ``...`` where something was left out):

    strings     'text', cut at the last space that fits, quotes escaped
    bytes       b'text' when it is UTF-8, else b'' around its hex digits
    containers  [..], (..,), {..}; below the deepest level ``[...]``; a container inside itself is named, not entered
    the rest    its own repr, cut in the same way

One thing differs: characters that do not print (newlines, escape codes, half surrogates) are written as escapes,
because this text ends in logs and terminals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

_SIMPLE: Final = frozenset({int, float, bool, type(None)})
_FAST_ITEMS: Final = 20


def saferepr(value: object, maxlen: int | None = 1024, maxlevels: int = 3) -> str:
    """Describe a value in about ``maxlen`` characters.

    Args:
        value: anything.
        maxlen: characters after which the rest is left out (closing brackets may follow); None for no bound.
        maxlevels: nested containers that are shown; 0 for all.

    Example:
        >>> saferepr((2, {"a": [1, {"b": {"c": 1}}]}))
        "(2, {'a': [1, {...}]})"
    """
    fast = _fast(value, maxlen or 0)
    if fast is not None:
        return fast
    writer = _Writer(maxlen, maxlevels)
    try:
        writer.write(value, 0)
    except Exception as error:  # a hostile __iter__ or a container that another thread changes meanwhile
        return _unrepresentable(value, error)
    return "".join(writer.parts)


def _fast(value: Any, maxlen: int) -> str | None:
    """The usual case, a few plain values in a tuple, list or dict: the interpreter's own repr is the answer."""
    kind = type(value)
    if (kind is not tuple and kind is not list and kind is not dict) or len(value) > _FAST_ITEMS:
        return None
    for item in value:
        if type(item) not in _SIMPLE and (type(item) is not str or len(item) > maxlen):
            return None
    if kind is dict:
        for item in value.values():
            if type(item) not in _SIMPLE and (type(item) is not str or len(item) > maxlen):
                return None
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than the interpreter writes
        return None
    # A quote of the other kind or an escape means a string that is written differently.
    return text if len(text) < maxlen and "\\" not in text and '"' not in text else None


class _Writer:
    """Collects pieces until the length is used up; from then on only closing brackets are added."""

    def __init__(self, maxlen: int | None, maxlevels: int) -> None:
        self.parts: list[str] = []
        self.left = maxlen
        self.maxlevels = maxlevels
        self.full = False
        self.inside: set[int] = set()

    def add(self, piece: str) -> None:
        self.parts.append(piece)
        if self.left is not None:
            self.left -= len(piece)

    def room(self) -> bool:
        """Whether another piece may come; says ``, ...`` when the first one may not."""
        if self.full:
            return False
        if self.left is not None and self.left <= 0:
            self.parts.append(", ...")
            self.full = True
        return not self.full

    def write(self, value: Any, level: int) -> None:
        if not self.room():
            return
        if isinstance(value, str):
            self.add(f"'{_printable(_cut(str.__str__(value), self.left))}'")
        elif isinstance(value, bytes):
            self.add(_bytes(value, self.left))
        elif isinstance(value, tuple | list | dict | set | frozenset):
            self.container(value, level)
        else:
            self.add(_cut(_repr(value), self.left))

    def container(self, value: Any, level: int) -> None:
        opening, closing = _brackets(value)
        if not value and isinstance(value, set | frozenset):
            self.add(_cut(repr(value), self.left))
        elif id(value) in self.inside:
            self.add(f"<Recursion on {type(value).__name__} with id={id(value)}>")
        elif self.maxlevels and level >= self.maxlevels:
            self.add(f"{opening}...{closing}")
        else:
            self.inside.add(id(value))
            self.add(opening)
            if isinstance(value, dict):
                self.pairs(value, level)
            else:
                self.items(value, level)
            self.add(closing)
            self.inside.discard(id(value))

    def items(self, value: Iterable[Any], level: int) -> None:
        for position, item in enumerate(value):
            if position:
                if not self.room():
                    return
                self.add(", ")
            self.write(item, level + 1)
            if self.full:
                return

    def pairs(self, value: dict[Any, Any], level: int) -> None:
        for position, (key, item) in enumerate(value.items()):
            if position:
                if not self.room():
                    return
                self.add(", ")
            if not self.room():
                return
            self.add(saferepr(key, self.left, self.maxlevels))
            if not self.room():
                return
            self.add(": ")
            self.write(item, level + 1)
            if self.full:
                return


def _brackets(value: Any) -> tuple[str, str]:
    if isinstance(value, dict | set):
        return "{", "}"
    if isinstance(value, frozenset):
        return "frozenset({", "})"
    if isinstance(value, list):
        return "[", "]"
    return "(", ",)" if len(value) == 1 else ")"


def _cut(text: str, left: int | None) -> str:
    if left is None or len(text) < left:
        return text
    return text[:left].rsplit(" ", 1)[0] + "..."


def _printable(text: str) -> str:
    text = text.replace("'", "\\'")
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _bytes(value: bytes, left: int | None) -> str:
    more = ""
    if left is not None and len(value) > left:
        value, more = value[:left], "..."
    try:
        text = _printable(value.decode()).replace("\\'", "'")
    except UnicodeDecodeError:
        text = value.hex()
    return f"b'{text}{more}'"


def _repr(value: object) -> str:
    try:
        text = int.__repr__(value) if isinstance(value, int) and not isinstance(value, bool) else repr(value)
    except Exception as error:  # the class is the user's
        return _unrepresentable(value, error)
    return text if text.isprintable() else _printable(text).replace("\\'", "'")


def _unrepresentable(value: object, error: Exception) -> str:
    return f"<Unrepresentable {type(value).__qualname__}: {type(error).__name__}>"
