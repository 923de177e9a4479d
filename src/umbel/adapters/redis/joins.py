"""Joins in Celery's keys, so that workers of both kinds end one chord: what a script is told of them (lua/adding.lua).

A join is the group of a chord's header. Beside what Celery's Redis store has there, nothing is kept:

    celery-taskset-meta-<id>      the group as it was saved: a Celery client does it when members of a chord are groups,
                                  and their results are then lists
    celery-taskset-meta-<id>.s    how many members it has, written by whoever sends them
    celery-taskset-meta-<id>.t    how many more there are (`add_to_chord`)
    celery-taskset-meta-<id>.j    what they said, in the order of their places: [1, id, state, value], JSON
    celery-taskset-meta-<id>.d    SET  id:place of those who have said it, +id of those that umbel has counted in .t
    celery-taskset-meta-<id>.c    "done" when what follows was sent; else the claim of a Celery worker that is about to

A message that only umbel can run (`outcome.Splice.own`) goes to the line before its list, where no Celery worker looks,
of its own queue when umbel's workers serve that one, else of the queue that the last member came from.

Where the messages are elsewhere (`backend.Joining`) the scripts are join_open, join_note and join_take.lua.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from ...backend import Letter
from ...message import Join
from ...outcome import Member, Outcome, Splice
from .envelope import parted, sealed
from .keys import Keys
from .layout import Layout
from .wire import Word

OPENS: Final = "J"
NOTES: Final = "M"
"""What stands where a group of messages has its step."""

_POSTED: Final = "L"
"""What stands where a message has its step that goes to an outbox."""

_encode = msgspec.json.Encoder().encode


def opened(joins: Sequence[Join], layout: Layout) -> list[Word]:
    """Joins that begin, each as a group of no messages."""
    keys = Keys(layout.prefix)
    return [word for join in joins for word in (keys.group(join.id), OPENS, _milliseconds(join.expires), join.size, 0)]


def with_members(groups: Sequence[Word], outcome: Outcome, layout: Layout, now: float) -> list[Word]:
    """What an outcome sends, and behind it what it brings to joins, each as a group of its own."""
    words = [len(outcome.members) + int(groups[0]), *groups[1:]]
    for member in outcome.members:
        then, otherwise = _message(member.then, layout, now), _message(member.otherwise, layout, now)
        words += _noted(member, layout, outcome.delivery.queue, then, otherwise)
    return words


def noted(members: Sequence[Member], layout: Layout, outbox: str, due: float) -> list[Word]:
    """Members whose messages are elsewhere: how many, and each as a group of its own."""
    words: list[Word] = [len(members)]
    for member in members:
        then, otherwise = _letter(member.then, outbox, due), _letter(member.otherwise, outbox, due)
        words += _noted(member, layout, "", then, otherwise)
    return words


def sizes(joins: Sequence[Join], keys: Keys) -> list[Word]:
    """Joins as join_open.lua takes them."""
    return [word for join in joins for word in (keys.group(join.id), join.size, _milliseconds(join.expires))]


def _noted(
    member: Member, layout: Layout, home: str, then: tuple[Word, ...], otherwise: tuple[Word, ...]
) -> list[Word]:  # fmt: skip
    said: list[Word] = [
        member.place, f"{member.id}:{member.place}", document(member), int(layout.ordered), home, *then, *otherwise,
        *member.adds,
    ]  # fmt: skip
    stem = Keys(layout.prefix).group(member.join)
    return [stem, NOTES, _milliseconds(member.expires), member.size, len(said), *said]


def document(member: Member) -> bytes:
    """What a member said, as Celery writes it.

    Example:
        >>> from umbel.message import Parcel
        >>> nothing = Splice(Parcel("q", "", "", b"", b""))
        >>> about = {"failed": False, "then": nothing, "otherwise": nothing}
        >>> document(Member(join="j", id="a", place=0, size=1, value=b"5", **about))
        b'[1, "a", "SUCCESS", 5]'
    """
    name, value, state = _encode(member.id), member.value, b"SUCCESS"
    if member.failed:
        state = b"FAILURE"
        value = value.removeprefix(b"[%b," % name).removesuffix(b"]")
    return b'[1, %b, "%b", %b]' % (name, state, value)


def _message(splice: Splice, layout: Layout, now: float) -> tuple[Word, ...]:
    parcel = splice.parcel
    if splice.after is None:
        before, behind = sealed(parcel, now)[0], b""
    else:
        before, behind = parted(parcel, splice.after, now, own=splice.own)
    return int(splice.own), parcel.queue, layout.step(parcel.priority), int(splice.after is not None), before, behind


def _letter(splice: Splice, outbox: str, due: float) -> tuple[Word, ...]:
    """A message for an outbox; the moment at which it is due stands in the place of whose it is."""
    return due, outbox, _POSTED, int(splice.after is not None), Letter.head(splice.parcel), splice.after or b""


def _milliseconds(expires: float) -> int:
    return math.ceil(expires * 1000)
