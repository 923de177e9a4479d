"""The Lua scripts of this room, each with the digest by which a server knows it.

A script is a file in lua/. A line ``-- include: name`` stands for the text of lua/name.lua, so that what two scripts
share (which result may replace which) is written once.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

_HERE: Final = Path(__file__).parent / "lua"
_INCLUDE: Final = re.compile(r"^-- include: (\w+)$", re.MULTILINE)


class Script(msgspec.Struct, frozen=True):
    """One script.

    Attributes:
        text: what `EVAL` takes, as bytes.
        digest: what `EVALSHA` takes.
    """

    text: bytes
    digest: bytes


@cache
def script(name: str) -> Script:
    """The script in lua/<name>.lua, read once in a process."""
    text = _INCLUDE.sub(lambda found: _text(found[1]), _text(name)).encode()
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())


def _text(name: str) -> str:
    return (_HERE / f"{name}.lua").read_text(encoding="utf-8")
