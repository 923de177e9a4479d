"""Outcomes and parcels as the rows of one statement. Pure: no I/O.

A turn has two shapes (sql/triggers.sql). The narrow one, nearly all turns, has results, removals (Done, Fail, Retry and
Replace without follow-ups) and the claim only, and goes into the view `turn`; the wide one goes into the view `act`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ...backend import Letter
from ...message import Parcel
from ...outcome import Bury, Done, Fail, Hold, Member, Outcome, Park, Release, Replace, Retry
from ...record import Record
from .packs import meta_of_one, packed
from .statements import named
from .values import MOST_VALUES, Statement, as_json, filled, hash_of, padded, spread

RESULTS, WHOLE, SOME, CLAIM, RELEASE, PARK, BURY, HOLD, SEND, LIMIT, MEMBER, LETTER = range(1, 13)
"""Kinds of rows of the views `turn` (up to CLAIM) and `act`."""

EPOCH: Final = 1735689600
"""2025-01-01; sequence numbers are microseconds since then, so that none is used twice though rows are deleted."""

_SQL: Final = named("turn.sql")
_TURN: Final = _SQL["turn"]
_ACT: Final = _SQL["act"]
_ONE: Final = _SQL["one"]
_ONE_MORE: Final = _SQL["one_more"]
_TURN_WIDTH: Final = 6
_PUBLISH_WIDTH: Final = 9
_REMOVERS: Final = frozenset({Done, Fail, Retry, Replace})
_KIND: Final = {Release: RELEASE, Park: PARK, Bury: BURY, Hold: HOLD}
UNWAITED: Final = 4
"""Changes that a statement of `one` with a result makes when nobody waits for any result (sql/three.sql)."""

_NO_TURN: Final = (None,) * 5

Claim = tuple[int, int, str]
"""Claim number, most messages, JSON array of the wanted queues."""

_Row = Sequence[Any]


class Written(NamedTuple):
    """One turn, ready to be written.

    Attributes:
        statement: its text and values.
        leaving: claim number -> seqs of the messages that leave it.
        rare: the outcomes that do more than remove their message and store a result.
    """

    statement: Statement
    leaving: dict[int, set[int]]
    rare: list[Outcome]


def publish(parcels: Sequence[Parcel], now: float, limits: dict[str, int] | None) -> Statement:
    """One statement that stores all parcels; with limits, one that undoes itself when a queue becomes too long."""
    if limits or len(parcels) * _PUBLISH_WIDTH > MOST_VALUES:
        rows: list[_Row] = [_send_row(parcel, now) for parcel in parcels]
        rows += [
            (LIMIT, None, None, most, *(None,) * 4, queue, *(None,) * 5, *_NO_TURN)
            for queue, most in (limits or {}).items()
        ]
        return padded(_ACT, rows)
    values: list[Any] = []
    seq: int | None = int((now - EPOCH) * 1e6)
    for parcel in parcels:
        values += (
            seq, parcel.queue, parcel.priority, parcel.id, parcel.name, parcel.due, now, parcel.head, parcel.body,
        )  # fmt: skip
        seq = None
    return _publish_text(len(parcels)), values


def turn(
    owner: int, outcomes: Sequence[Outcome], claim: Claim | None, now: float, held: Mapping[int, set[int]]
) -> Written:
    """One statement for a consumer's turn.

    Args:
        owner: nonce.
        outcomes: what to settle, each message once; at least one, or a claim.
        claim: what to claim then, None: nothing.
        now: unix time.
        held: claim number -> seqs of all messages under it that this consumer has not settled yet: a claim that goes as
            a whole goes faster.
    """
    records: list[Record] = []
    gone: dict[int, list[int]] = {}
    rare: list[Outcome] = []
    for outcome in outcomes:
        delivery, record = outcome.delivery, outcome.record
        if record is not None:
            records.append(record)
        if type(outcome) in _REMOVERS:
            tags = gone.get(delivery.claim)
            if tags is None:
                gone[delivery.claim] = [delivery.tag]
            else:
                tags.append(delivery.tag)
            if outcome.parcels or outcome.members:
                rare.append(outcome)
        else:
            rare.append(outcome)
    values = _results(records)
    leaving = _leaving(gone, rare)
    for number, tags in gone.items():
        if leaving[number] == held.get(number):
            values += (WHOLE, owner, number, len(tags), None, None)
        else:
            values += (SOME, owner, number, len(tags), as_json(tags), None)
    if claim is not None:
        values += (CLAIM, owner, claim[0], claim[2], claim[1], now)
    return Written(_statement(owner, values, rare, now), leaving, rare)


def one(owner: int, outcome: Outcome, claim: Claim | None, now: float) -> Statement | None:
    """One statement for an outcome that only removes its message and stores a result; None when it does more.

    Args:
        owner: nonce.
        outcome: what to settle.
        claim: what to claim then, None: nothing.
        now: unix time.
    """
    if type(outcome) not in _REMOVERS or outcome.parcels or outcome.members:
        return None
    delivery, record = outcome.delivery, outcome.record
    if record is None:
        values: tuple[Any, ...] = (owner, delivery.claim, delivery.tag, 0.0, None, None, 0)
    else:
        meta, key = meta_of_one(record), hash_of(record.id)
        values = (owner, delivery.claim, delivery.tag, record.expires, meta, record.document, key)
    if claim is None:
        return _ONE, values
    number, most, queues = claim
    return _ONE_MORE, (*values, number, queues, most, now)


def store(records: Sequence[Record]) -> Statement:
    """One statement that stores these results."""
    return filled(_TURN, _results(records), _TURN_WIDTH)


class Box(NamedTuple):
    """Where letters go.

    Attributes:
        outbox: its name.
        due: unix time from which on others may take them.
        number: of the step that puts them there.
    """

    outbox: str
    due: float
    number: int


def note(records: Sequence[Record], members: Sequence[Member], parcels: Sequence[Parcel], box: Box) -> Statement:
    """One statement that stores results, notes members whose messages are elsewhere, and keeps what they send."""
    rows = [_letter_row(parcel, box) for parcel in parcels]
    rows += [_posted_row(member, box) for member in members]
    return padded(_ACT, rows + _as_act(_results(records)))


def _results(records: Sequence[Record]) -> list[Any]:
    values: list[Any] = []
    for pack in packed(records):
        values += (RESULTS, *pack)
    return values


def _leaving(gone: Mapping[int, list[int]], rare: Sequence[Outcome]) -> dict[int, set[int]]:
    leaving = {number: set(tags) for number, tags in gone.items()}
    for outcome in rare:
        if type(outcome) in _KIND and type(outcome) is not Hold:
            leaving.setdefault(outcome.delivery.claim, set()).add(outcome.delivery.tag)
    return leaving


def _statement(owner: int, values: list[Any], rare: Sequence[Outcome], now: float) -> Statement:
    if not rare and len(values) <= MOST_VALUES:
        return filled(_TURN, values, _TURN_WIDTH)
    if not rare:
        return spread(_TURN, _cut(values))
    # the rare ones first: what leaves a claim by them has left it when the rest goes as a whole
    rows = [row for outcome in rare for row in _rare_rows(owner, outcome, now)]
    return padded(_ACT, rows + _as_act(values))


def _cut(values: list[Any]) -> list[_Row]:
    return [values[at : at + _TURN_WIDTH] for at in range(0, len(values), _TURN_WIDTH)]


def _as_act(values: list[Any]) -> list[_Row]:
    """Rows of the view `turn` as rows of `act`."""
    return [(part[0], *(None,) * 13, *part[1:]) for part in _cut(values)]


def _rare_rows(owner: int, outcome: Outcome, now: float) -> list[_Row]:
    """The follow-ups of an outcome, and what becomes of its message unless it is removed."""
    rows: list[_Row] = [_send_row(parcel, now) for parcel in outcome.parcels]
    rows += [_member_row(member, now) for member in outcome.members]
    kind = _KIND.get(type(outcome))
    if kind is not None:
        delivery = outcome.delivery
        due = outcome.due if isinstance(outcome, Park) else None
        reason, detail = (outcome.reason, outcome.detail) if isinstance(outcome, Bury) else (None, None)
        rows.append((kind, owner, delivery.claim, delivery.tag, now, due, reason, detail, *(None,) * 6, *_NO_TURN))
    return rows


def _send_row(parcel: Parcel, now: float) -> _Row:
    return (
        SEND, None, None, None, now, parcel.due, None, None,
        parcel.queue, parcel.id, parcel.name, parcel.priority, parcel.head, parcel.body, *_NO_TURN,
    )  # fmt: skip


def _member_row(member: Member, now: float) -> _Row:
    parcel = member.then.parcel
    place = (parcel.queue, parcel.id, parcel.name, parcel.priority, parcel.head)
    return _noted_row(member, now, place, parcel.body, member.otherwise.parcel.body)


def _posted_row(member: Member, box: Box) -> _Row:
    place = (None, box.outbox, None, box.number, None)
    return _noted_row(member, box.due, place, Letter.head(member.then.parcel), Letter.head(member.otherwise.parcel))


def _letter_row(parcel: Parcel, box: Box) -> _Row:
    return (
        LETTER, None, None, None, box.due, None, None, None,
        None, box.outbox, None, box.number, None, Letter.head(parcel), *_NO_TURN,
    )  # fmt: skip


def _noted_row(member: Member, at: float, place: _Row, body: bytes, instead: bytes) -> _Row:
    adds = as_json(member.adds) if member.adds else None
    return (
        MEMBER, int(member.failed), member.size, member.place, at, adds, member.join, member.id, *place, body,
        member.then.after, instead, member.otherwise.after, member.value, member.expires,
    )  # fmt: skip


@lru_cache(maxsize=128)
def _publish_text(rows: int) -> str:
    """The first row takes the next sequence number, the others follow it."""
    return ",".join([f"{_SQL['publish']} {_SQL['publish_first']}"] + ["(?,?,?,?,?,?,?,?,?)"] * (rows - 1))
