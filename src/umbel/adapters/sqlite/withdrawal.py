"""Removal by hand: look where a message is, then remove it if it is still there, with the record that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import randbits
from typing import Any, Final

from ...record import Record
from .link import Link
from .packs import packed
from .statements import named
from .values import inserted

STEP: Final = 500
"""Most rows of one statement."""

_CONTROL: Final = named("control.sql")

Seen = tuple[Any, ...]
"""(place, seq, task id, queue, level, due, owner, claim): where a message was seen, with its key there."""


def withdraw(link: Link, seen: Sequence[Seen], records: Mapping[str, Record] | None = None) -> list[Seen]:
    """Remove these messages, each with its record in the same step; one that has moved since stays, without a record.

    Args:
        link: any connection.
        seen: where they were seen.
        records: by task id, what to store with a removal.

    Returns:
        those that were removed.
    """
    removed: list[Seen] = []
    for start in range(0, len(seen), STEP):
        step = seen[start : start + STEP]
        token = randbits(62)
        link.write(*inserted(_CONTROL["withdraw"], [_row(token, row, records or {}) for row in step]))
        missed = {seq for (seq,) in link.read(_CONTROL["missed"], (token,))}
        if missed:
            link.write(_CONTROL["unmiss"], (token,))
        removed += [row for row in step if row[1] not in missed]
    return removed


def _row(token: int, seen: Seen, records: Mapping[str, Record]) -> Sequence[Any]:
    place, seq, task_id, *key = seen
    record = records.get(task_id)
    if record is None:
        return (token, seq, place, *key, None, None, None, None)
    (pack,) = packed([record])
    return (token, seq, place, *key, pack.expires, pack.meta, pack.docs, pack.keys)
