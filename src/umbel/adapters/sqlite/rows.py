"""Outcomes and parcels as the rows of one statement. Pure: no I/O.

A turn has two shapes (sql/triggers.sql). The narrow one, nearly all turns, has only removals (Done, Fail, Retry and
Replace without follow-ups) and the claim, and goes into the view `turn`; the wide one goes into the view `act`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from ...message import Parcel
from ...outcome import Bury, Done, Fail, Hold, Outcome, Park, Release, Replace, Retry
from .statements import named
from .values import MOST_VALUES, Statement, filled, hash_of, padded, spread

REMOVE, RELEASE, PARK, BURY, HOLD, FOLLOW, CLAIM, SEND, LIMIT = range(1, 10)
"""Kinds of rows of the views `turn` and `act`."""

EPOCH: Final = 1735689600
"""2025-01-01; sequence numbers are microseconds since then, so that none is used twice though rows are deleted."""

_SQL: Final = named("turn.sql")
_NARROW: Final = _SQL["turn"]
_WIDE: Final = _SQL["act"]
_WIDTH: Final = 9
_REMOVERS: Final = frozenset({Done, Fail, Retry, Replace})
_KIND: Final = {Release: RELEASE, Park: PARK, Bury: BURY, Hold: HOLD}

Claim = tuple[int, int, str]
"""Claim number, most messages, JSON array of the wanted queues."""


def publish(parcels: Sequence[Parcel], now: float, limits: dict[str, int] | None) -> Statement:
    """One statement that stores all parcels; with limits, one that undoes itself when a queue becomes too long."""
    if limits or len(parcels) * _WIDTH > MOST_VALUES:
        rows = [_parcel_row(SEND, 0, 0, 0, parcel, now) for parcel in parcels]
        rows += [(LIMIT, 0, 0, most, *(None,) * 9, queue, *(None,) * 4) for queue, most in (limits or {}).items()]
        return padded(_WIDE, rows)
    values: list[Any] = []
    seq: int | None = int((now - EPOCH) * 1e6)
    for parcel in parcels:
        values += (
            seq, parcel.queue, parcel.priority, parcel.id, parcel.name, parcel.due, now, parcel.head, parcel.body,
        )  # fmt: skip
        seq = None
    return _publish_text(len(parcels)), values


def turn(owner: int, outcomes: Sequence[Outcome], claim: Claim | None, now: float) -> Statement:
    """One statement for a consumer's turn.

    Args:
        owner: nonce.
        outcomes: what to settle; at least one, or a claim.
        claim: what to claim then, None: nothing.
        now: unix time.
    """
    for outcome in outcomes:
        if outcome.parcels or type(outcome) not in _REMOVERS:
            return padded(_WIDE, _wide_rows(owner, outcomes, claim, now))
    values: list[Any] = []
    for outcome in outcomes:
        delivery = outcome.delivery
        record = outcome.record
        if record is None:
            values += (REMOVE, owner, delivery.claim, delivery.tag, 0, None, None, None, None)
        else:
            values += (
                REMOVE, owner, delivery.claim, delivery.tag, hash_of(record.id),
                record.id, record.status, record.document, record.expires,
            )  # fmt: skip
    if claim is not None:
        values += (CLAIM, owner, claim[0], claim[1], None, claim[2], None, None, now)
    if len(values) > MOST_VALUES:
        return spread(_NARROW, [values[at : at + _WIDTH] for at in range(0, len(values), _WIDTH)])
    return filled(_NARROW, values, _WIDTH)


def _wide_rows(owner: int, outcomes: Sequence[Outcome], claim: Claim | None, now: float) -> list[Sequence[Any]]:
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


@lru_cache(maxsize=128)
def _publish_text(rows: int) -> str:
    """The first row takes the next sequence number, the others follow it."""
    return ",".join([f"{_SQL['publish']} {_SQL['publish_first']}"] + ["(?,?,?,?,?,?,?,?,?)"] * (rows - 1))
