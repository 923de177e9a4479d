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
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from ...message import Join
from ...outcome import Member, Outcome, Splice
from .backend import Keys
from .envelope import parted, sealed
from .layout import Layout
from .wire import Word

OPENS: Final = "J"
NOTES: Final = "M"
"""What stands where a group of messages has its step."""

_encode = msgspec.json.Encoder().encode


def opened(joins: Sequence[Join], layout: Layout) -> list[Word]:
    """Joins that begin, each as a group of no messages."""
    keys = Keys(layout.prefix)
    return [word for join in joins for word in (keys.group(join.id), OPENS, _milliseconds(join.expires), join.size, 0)]


def with_members(groups: Sequence[Word], outcome: Outcome, layout: Layout, now: float) -> list[Word]:
    """What an outcome sends, and behind it what it brings to joins, each as a group of its own."""
    words = [len(outcome.members) + int(groups[0]), *groups[1:]]
    keys = Keys(layout.prefix)
    for member in outcome.members:
        said: list[Word] = [
            member.place, f"{member.id}:{member.place}", document(member), int(layout.ordered), outcome.delivery.queue,
            *_message(member.then, layout, now), *_message(member.otherwise, layout, now),
            *member.adds,
        ]  # fmt: skip
        words += (keys.group(member.join), NOTES, _milliseconds(member.expires), member.size, len(said), *said)
    return words


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


def _milliseconds(expires: float) -> int:
    return math.ceil(expires * 1000)
