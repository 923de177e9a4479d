"""Values on their way into a statement. Pure.

All rows of one write travel in one statement, as multi-row VALUES padded with rows of NULLs to one of a few sizes, so
that their compiled forms can be kept (the library keeps a text of up to 16 kB). Measured, microseconds a row of a turn,
500 rows of 200 bytes: multi-row VALUES 5.2 (7.0 when it is not kept), json_each 7.7, json_each over one blob 7.6.
Only what does not fit into one statement's 32,766 values takes the last way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final
from zlib import crc32

import msgspec

from .statements import named

Statement = tuple[str, Sequence[Any]]

MOST_VALUES: Final = 32766
"""SQLite takes no more in one statement."""

_SIZES: Final = (1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 101, 129, 201, 257, 385, 501, 769, 1001, 1537)
_SQL: Final = named("turn.sql")
_encode: Final = msgspec.json.Encoder().encode


def hash_of(name: str) -> int:
    """32-bit hash of a task id or topic; everybody who writes the file must agree on it."""
    return crc32(name.encode("utf-8", "surrogatepass"))


def as_json(values: Iterable[Any]) -> str:
    """A JSON array, for ``json_each``."""
    return _encode(list(values)).decode()


def inserted(prefix: str, rows: Sequence[Sequence[Any]]) -> Statement:
    """``INSERT ... VALUES`` with exactly these rows; for what is rare enough not to be kept."""
    return multi_row(prefix, len(rows[0]), len(rows)), [value for row in rows for value in row]


def padded(prefix: str, rows: Sequence[Sequence[Any]]) -> Statement:
    """``INSERT ... VALUES`` with these rows, then rows of NULLs up to a kept size; out of one JSON document when they
    are too many for one statement.

    Args:
        prefix: an ``INSERT INTO table (columns) VALUES``.
        rows: as many values a row as there are columns.
    """
    width = len(rows[0])
    if len(rows) * width > MOST_VALUES:
        return spread(prefix, rows)
    values: list[Any] = []
    for row in rows:
        values += row
    return filled(prefix, values, width)


def filled(prefix: str, values: list[Any], width: int) -> Statement:
    """The same for values that are in one list already."""
    count = len(values) // width
    at = bisect_left(_SIZES, count)
    size = _SIZES[at] if at < len(_SIZES) else count
    if size * width > MOST_VALUES:
        size = count
    values += (None,) * ((size - count) * width)
    return multi_row(prefix, width, size), values


def spread(prefix: str, rows: Sequence[Sequence[Any]]) -> Statement:
    """Any number of rows: their values in one JSON array, their bytes in one blob that it points into."""
    chunks: list[bytes] = []
    offset = 1
    plain: list[list[Any]] = []
    for row in rows:
        cells: list[Any] = []
        for value in row:
            if isinstance(value, bytes):
                chunks.append(value)
                cells.append((offset, len(value)))
                offset += len(value)
            else:
                cells.append(value)
        plain.append(cells)
    picked = ", ".join(_SQL["spread_value"].format(at=at) for at in range(len(rows[0])))
    return prefix.removesuffix("VALUES") + _SQL["spread"].format(picked=picked), (as_json(plain), b"".join(chunks))


@lru_cache(maxsize=128)
def multi_row(prefix: str, columns: int, rows: int) -> str:
    """``prefix`` followed by so many rows of so many question marks."""
    row = f"({','.join('?' * columns)})"
    return prefix + ",".join([row] * rows)
