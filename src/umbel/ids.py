"""Random and derived ids: cheap enough for every message, and never the same in two processes or threads.

Random bytes are drawn from the system a page at a time and cut into ids; a forked child drops what its parent had
drawn, so that parent and child never hand out the same id.
"""

from __future__ import annotations

import os
import uuid
from typing import Final

_BATCH: Final = 256
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
_DERIVED: Final = uuid.UUID("8b1f6b0e-6d1c-5c57-9d0a-3f6f5f0d7c11")

# Only `pop` and `extend` touch it, each of which is one step under the interpreter lock.
_ready: list[str] = []


def new_id() -> str:
    """A random task id: the text of a version 4 UUID.

    Returns:
        36 characters, lower case.

    Example:
        >>> len(new_id()), new_id() == new_id()
        (36, False)
    """
    try:
        return _ready.pop()
    except IndexError:
        fresh = _draw()
        last = fresh.pop()
        _ready.extend(fresh)
        return last


def _draw() -> list[str]:
    digits = os.urandom(16 * _BATCH).hex()
    variant = _VARIANT
    return [
        f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-4{digits[at + 13 : at + 16]}"
        f"-{variant[digits[at + 16]]}{digits[at + 17 : at + 20]}-{digits[at + 20 : at + 32]}"
        for at in range(0, 32 * _BATCH, 32)
    ]


def derived_id(parent: str, position: int) -> str:
    """The id of a follow-up message: always the same for one parent and position, so that sending it twice is seen.

    Args:
        parent: id of the task that sends it, any text.
        position: its number among the parent's follow-ups, from 0.

    Returns:
        The text of a version 5 UUID.

    Example:
        >>> derived_id("a", 0) == derived_id("a", 0), derived_id("a", 0) == derived_id("a", 1)
        (True, False)
    """
    return str(uuid.uuid5(_DERIVED, f"{position}/{parent}"))


def nonce() -> int:
    """A random number of 62 bits, above 0: one life of one process or connection."""
    return int.from_bytes(os.urandom(8), "little") >> 2 or 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ready.clear)
