"""Stores that break joins whose messages are elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ...adapters.memory.backend import MemoryBackend
from ...adapters.memory.outbox import Outboxes as MemoryOutboxes
from ...backend import Letter
from ...message import Join, Parcel
from ...outcome import Member
from ...record import Record
from .base import Broken


class MembersOnly(Broken, breaks="test_states_are_kept_and_the_last_member_brings_what_follows"):
    """Notes members, and keeps no state with them."""

    class Backend(MemoryBackend):
        def note_members(
            self, records: Sequence[Record], members: Sequence[Member], parcels: Sequence[Parcel], outbox: str,
            due: float,
        ) -> list[Letter]:  # fmt: skip
            return super().note_members((), members, parcels, outbox, due)


class NobodyFailed(Broken, breaks="test_a_failed_member_brings_the_other_message"):
    """Does not ask who has failed."""

    class Backend(MemoryBackend):
        def note_members(
            self, records: Sequence[Record], members: Sequence[Member], parcels: Sequence[Parcel], outbox: str,
            due: float,
        ) -> list[Letter]:  # fmt: skip
            fine = [msgspec.structs.replace(member, failed=False) for member in members]
            return super().note_members(records, fine, parcels, outbox, due)


class TheWholeOutbox(Broken, breaks="test_a_letter_is_in_one_answer"):
    """Gives with another join what waits already."""

    class Backend(MemoryBackend):
        def note_members(
            self, records: Sequence[Record], members: Sequence[Member], parcels: Sequence[Parcel], outbox: str,
            due: float,
        ) -> list[Letter]:  # fmt: skip
            found = super().note_members(records, members, parcels, outbox, due)
            return super().take_letters(outbox, due, due) if members[0].join == "other" else found


class TakenFromTheLiving(Broken, breaks="test_a_letter_that_nobody_sent_is_taken_over"):
    """Gives letters away that somebody is about to send."""

    class Outboxes(MemoryOutboxes):
        def take(self, outbox: str, now: float, due: float) -> list[Letter]:
            return super().take(outbox, now + 5, due)


class NeverGone(Broken, breaks="test_a_letter_that_was_sent_is_gone"):
    """Keeps what was sent."""

    class Outboxes(MemoryOutboxes):
        def drop(self, outbox: str, refs: Iterable[int]) -> None:
            """Nothing."""


class OneForAll(Broken, breaks="test_each_broker_has_an_outbox"):
    """Has one outbox for all brokers."""

    class Outboxes(MemoryOutboxes):
        def put(self, outbox: str, parcel: Parcel, due: float) -> Letter:
            return super().put("", parcel, due)

        def take(self, outbox: str, now: float, due: float) -> list[Letter]:
            return super().take("", now, due)

        def drop(self, outbox: str, refs: Iterable[int]) -> None:
            super().drop("", refs)


class SizesForgotten(Broken, breaks="test_a_member_need_not_know_the_size"):
    """Notes the size of the last join of a call only."""

    class Backend(MemoryBackend):
        def open_joins(self, joins: Sequence[Join], *, anew: bool) -> None:
            super().open_joins(joins[-1:], anew=anew)


class AlwaysAnew(Broken, breaks="test_a_join_that_is_opened_again_stays_ended"):
    """Begins a join again whenever it is told of it."""

    class Backend(MemoryBackend):
        def open_joins(self, joins: Sequence[Join], *, anew: bool) -> None:
            super().open_joins(joins, anew=True)


class AddedInVain(Broken, breaks="test_what_members_send_waits_in_the_outbox_too"):
    """Keeps what follows joins only."""

    class Backend(MemoryBackend):
        def note_members(
            self, records: Sequence[Record], members: Sequence[Member], parcels: Sequence[Parcel], outbox: str,
            due: float,
        ) -> list[Letter]:  # fmt: skip
            letters = super().note_members(records, members, parcels, outbox, due)
            super().drop_letters(outbox, [letter.ref for letter in letters[: len(parcels)]])
            return letters
