"""Reads the SQL of this room from its files; a statement is found by its name."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent / "sql"


def script(name: str) -> str:
    """The whole text of one file, for statements that are run in order."""
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def named(name: str) -> dict[str, str]:
    """The statements of one file by the names that stand in their ``-- name:`` lines, without their comments.

    A name is a whole word; what stands between two such lines belongs to the upper one.
    """
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in script(name).splitlines():
        if line.startswith("-- name:"):
            current = found.setdefault(line.removeprefix("-- name:").strip(), [])
        elif line.strip() and not line.startswith("--"):
            current.append(line.strip())
    return {key: " ".join(lines) for key, lines in found.items()}
