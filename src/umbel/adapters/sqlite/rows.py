"""Outcomes and parcels as the rows of one statement. Pure: no I/O, tested by themselves.

A turn has two shapes. The narrow one, nearly all turns, has only removals (Done, Fail, Retry and Replace without
follow-ups) and the claim; the wide one has every column of the view. Both are padded with rows of NULLs to one of a few
sizes, so that the compiled statements can be kept. (Measured, microseconds a row at 500 rows of 200 bytes: multi-row
VALUES 5.2, json_each 7.7, json_each with one blob of documents 7.6.)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final
from zlib import crc32

import msgspec

from ...broker import Revocation
from ...message import Parcel
from ...outcome import Bury, Done, Fail, Hold, Outcome, Park, Release, Replace, Retry
from ...record import Record
from .statements import SQL

REMOVE, RELEASE, PARK, BURY, HOLD, FOLLOW, CLAIM, SEND, LIMIT = range(1, 10)
"""Kinds of rows of the view `turn` (triggers.sql)."""

NARROW: Final = ("kind", "owner", "claim", "seq", "hash", "id", "status", "doc", "expires")
WIDE: Final = (*NARROW, "at", "due", "reason", "detail", "queue", "name", "priority", "head", "body")
EPOCH: Final = 1735689600
"""2025-01-01; sequence numbers are microseconds since then."""

_SIZES: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536)

_MOST_VALUES: Final = 32766
"""SQLite takes no more values in one statement."""

_PUBLISH: Final = SQL["publish"]
_INSERT_NARROW: Final = f"INSERT INTO turn ({','.join(NARROW)}) VALUES "
_INSERT_WIDE: Final = f"INSERT INTO turn ({','.join(WIDE)}) VALUES "
_BLOBS: Final = frozenset({"doc", "head", "body"})

Statement = tuple[str, Sequence[Any]]


def hash_of(key: str) -> int:
    """32-bit hash of a task id or topic; everybody who writes the file must agree on it."""
    return crc32(key.encode("utf-8", "surrogatepass"))


def publish(parcels: Sequence[Parcel], now: float, limits: dict[str, int] | None) -> Statement:
    """One statement that stores all parcels; with limits, one that undoes itself when a queue becomes too long."""
    if limits or len(parcels) * 9 > _MOST_VALUES:
        rows = [_parcel_row(SEND, 0, 0, 0, parcel, now) for parcel in parcels]
        rows += [_limit_row(queue, most) for queue, most in (limits or {}).items()]
        return _statement(_INSERT_WIDE, WIDE, rows)
    values: list[Any] = []
    seq: int | None = int((now - EPOCH) * 1e6)
    for parcel in parcels:
        values += (
            seq, parcel.queue, parcel.priority, parcel.id, parcel.name, parcel.due, now, parcel.head, parcel.body,
        )  # fmt: skip
        seq = None
    return _publish_text(len(parcels)), values


def turn(owner: int, outcomes: Sequence[Outcome], claim: tuple[int, int, str] | None, now: float) -> Statement:
    """One statement for a consumer's turn.

    Args:
        owner: nonce.
        outcomes: what to settle; at least one, or a claim.
        claim: (new claim number, most messages, JSON array of queues), None: claim nothing.
        now: unix time.
    """
    narrow = True
    for outcome in outcomes:
        if outcome.parcels or type(outcome) not in _REMOVERS:
            narrow = False
            break
    if not narrow:
        return _statement(_INSERT_WIDE, WIDE, _wide_rows(owner, outcomes, claim, now))
    values: list[Any] = []
    for outcome in outcomes:
        delivery = outcome.delivery
        record = outcome.record
        if record is None:
            values += (REMOVE, owner, delivery.claim, delivery.tag, 0, None, None, None, None)
        else:
            values += (
                REMOVE, owner, delivery.claim, delivery.tag, crc32(record.id.encode()),
                record.id, record.status, record.document, record.expires,
            )  # fmt: skip
    count = len(outcomes)
    if claim is not None:
        values += (CLAIM, owner, claim[0], claim[1], 0, claim[2], None, None, now)
        count += 1
    if count * 9 > _MOST_VALUES:
        return _spread(_INSERT_NARROW, NARROW, [values[i : i + 9] for i in range(0, len(values), 9)])
    size = size_for(count)
    values += (None,) * ((size - count) * 9)
    return multi_row(_INSERT_NARROW, 9, size), values


_REMOVERS: Final = frozenset({Done, Fail, Retry, Replace})
_KIND: Final = {Release: RELEASE, Park: PARK, Bury: BURY, Hold: HOLD}


def _wide_rows(
    owner: int, outcomes: Sequence[Outcome], claim: tuple[int, int, str] | None, now: float
) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    for outcome in outcomes:
        delivery = outcome.delivery
        rows += [_parcel_row(FOLLOW, owner, delivery.claim, delivery.tag, parcel, now) for parcel in outcome.parcels]
        rows.append(_outcome_row(owner, outcome, now))
    if claim is not None:
        rows.append((CLAIM, owner, claim[0], claim[1], 0, claim[2], None, None, now, *(None,) * 9))
    return rows


def _outcome_row(owner: int, outcome: Outcome, now: float) -> Sequence[Any]:
    delivery = outcome.delivery
    record = outcome.record
    stored: tuple[Any, ...] = (0, None, None, None, None)
    if record is not None:
        stored = (hash_of(record.id), record.id, record.status, record.document, record.expires)
    due = outcome.due if isinstance(outcome, Park) else None
    reason, detail = (outcome.reason, outcome.detail) if isinstance(outcome, Bury) else (None, None)
    kind = _KIND.get(type(outcome), REMOVE)
    return (kind, owner, delivery.claim, delivery.tag, *stored, now, due, reason, detail, *(None,) * 5)


def _parcel_row(kind: int, owner: int, claim: int, seq: int, parcel: Parcel, now: float) -> Sequence[Any]:
    return (
        kind, owner, claim, seq, 0, parcel.id, None, None, None, now, parcel.due, None, None,
        parcel.queue, parcel.name, parcel.priority, parcel.head, parcel.body,
    )  # fmt: skip


def _limit_row(queue: str, most: int) -> Sequence[Any]:
    return (LIMIT, 0, 0, most, *(None,) * 9, queue, *(None,) * 4)


def _statement(prefix: str, columns: Sequence[str], rows: list[Sequence[Any]]) -> Statement:
    """Rows as multi-row VALUES of a kept size, or, when they are too many, out of one JSON document."""
    width = len(columns)
    if len(rows) * width > _MOST_VALUES:
        return _spread(prefix, columns, rows)
    size = size_for(len(rows))
    if size * width > _MOST_VALUES:
        size = len(rows)
    values: list[Any] = []
    for row in rows:
        values += row
    values += (None,) * ((size - len(rows)) * width)
    return multi_row(prefix, width, size), values


def _spread(prefix: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Statement:
    """The same for any number of rows: their values in one JSON array, their bytes in one blob that it points into."""
    documents: list[bytes] = []
    offset = 1
    plain: list[list[Any]] = []
    for row in rows:
        cells: list[Any] = []
        for column, value in zip(columns, row, strict=True):
            if column in _BLOBS and value is not None:
                documents.append(value)
                cells.append([offset, len(value)])
                offset += len(value)
            else:
                cells.append(value)
        plain.append(cells)
    picked = ",".join(
        f"iif(value ->> '$[{at}]' IS NULL, NULL, substr(?2, value ->> '$[{at}][0]', value ->> '$[{at}][1]'))"
        if column in _BLOBS
        else f"value ->> '$[{at}]'"
        for at, column in enumerate(columns)
    )
    sql = f"{prefix.removesuffix('VALUES ')}SELECT {picked} FROM json_each(?1)"
    return sql, (msgspec.json.encode(plain).decode(), b"".join(documents))


def size_for(rows: int) -> int:
    """The smallest kept size that holds so many rows; above the largest, the number itself."""
    at = bisect_left(_SIZES, rows)
    return _SIZES[at] if at < len(_SIZES) else rows


@lru_cache(maxsize=64)
def multi_row(prefix: str, columns: int, rows: int) -> str:
    """``prefix`` followed by so many rows of so many question marks."""
    row = f"({','.join('?' * columns)})"
    return prefix + ",".join([row] * rows)


@lru_cache(maxsize=64)
def _publish_text(rows: int) -> str:
    """The first row takes the next sequence number, the others follow it."""
    first = "(max(?,ifnull((SELECT max(seq) FROM message),0)+1),?,?,?,?,?,?,?,?)"
    return f"{_PUBLISH} {','.join([first] + ['(?,?,?,?,?,?,?,?,?)'] * (rows - 1))}"


def store(records: Sequence[Record]) -> Statement:
    """One statement that appends these results."""
    values: list[Any] = []
    for record in records:
        values += (hash_of(record.id), record.id, record.status, record.document, record.expires)
    return multi_row(SQL["store"] + " ", 5, len(records)), values


def revoke(revocations: Sequence[Revocation]) -> Statement:
    """One statement that logs these revocations."""
    values: list[Any] = []
    for entry in revocations:
        values += (entry.id, int(entry.terminate), entry.signal, entry.expires)
    return multi_row(SQL["revoke"] + " ", 4, len(revocations)), values


def withdraw(token: int, seen: Sequence[Sequence[Any]], records: dict[str, Record]) -> Statement:
    """One statement that removes messages where they were seen.

    Args:
        token: a random number under which misses are noted.
        seen: (place, seq, task id, queue, level, due, owner, claim) of each.
        records: by task id: what to store with a removal.
    """
    values: list[Any] = []
    for place, seq, task_id, *key in seen:
        record = records.get(task_id)
        values += (token, seq, place, *key)
        if record is None:
            values += (0, None, None, None, None)
        else:
            values += (hash_of(record.id), record.id, record.status, record.document, record.expires)
    return multi_row(SQL["withdraw"] + " ", 13, len(seen)), values


def replay(tags: Sequence[int], body: bytes | None) -> Statement:
    """One statement that moves these dead letters back to their queues."""
    values: list[Any] = []
    for tag in tags:
        values += (tag, body)
    return multi_row(SQL["replay"] + " ", 2, len(tags)), values
