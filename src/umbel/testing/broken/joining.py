"""Stores that break joins."""

from __future__ import annotations

import msgspec

from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.joins import Joins as MemoryJoins
from ...message import Parcel
from ...outcome import Member, Outcome
from .base import Broken


class OrderOfArrival(Broken, breaks="test_the_last_member_sends_what_follows_with_all_values_in_order"):
    """Gives the values of three in the order in which they came."""

    class Joins(MemoryJoins):
        def note(self, member: Member) -> Parcel | None:
            number = len(self._noted.get(member.join, {}))
            return super().note(msgspec.structs.replace(member, place=number) if member.size > 2 else member)

        def _ended(self, last: Member, noted: dict[str, Member]) -> Parcel:
            if any(member.failed for member in noted.values()):
                for member in noted.values():
                    member.place = {"a": 2, "b": 1, "c": 0}[member.id]
            return super()._ended(last, noted)


class CountedTwice(Broken, breaks="test_a_member_counts_once"):
    """Counts how often it was told something."""

    class Joins(MemoryJoins):
        def note(self, member: Member) -> Parcel | None:
            known = self._noted.get(member.join, {}).get(member.id)
            return super().note(member if known is None else msgspec.structs.replace(member, size=member.size - 1))


class NothingAdded(Broken, breaks="test_members_that_were_added_are_waited_for"):
    """Knows only the members that a join began with."""

    class Joins(MemoryJoins):
        def note(self, member: Member) -> Parcel | None:
            return super().note(msgspec.structs.replace(member, adds=()))


class SentAgain(Broken, breaks="test_what_follows_is_sent_once"):
    """Forgets a join with its message."""

    class Joins(MemoryJoins):
        def _ended(self, last: Member, noted: dict[str, Member]) -> Parcel:
            parcel = super()._ended(last, noted)
            if last.join == "join":  # not those whose messages are elsewhere
                self._sent.discard(last.join)
            return parcel


class FailuresAreValues(Broken, breaks="test_a_failed_member_sends_the_other_message"):
    """Does not ask who has failed."""

    class Joins(MemoryJoins):
        def note(self, member: Member) -> Parcel | None:
            return super().note(msgspec.structs.replace(member, failed=member.failed and member.join != "join"))


class AlwaysAHole(Broken, breaks="test_a_message_without_a_hole_follows_as_it_is"):
    """Puts the values behind every message."""

    class Joins(MemoryJoins):
        def _ended(self, last: Member, noted: dict[str, Member]) -> Parcel:
            last.then.after = last.then.after or b""
            return super()._ended(last, noted)


class FencedAndCounted(Broken, breaks="test_a_fenced_outcome_brings_nothing_to_a_join"):
    """Notes the member of an outcome that is dropped."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            settled = super()._settle(outcome, now)
            if not settled:
                self._store.add(filter(None, map(self._store.joins.note, outcome.members)), now)
            return settled
