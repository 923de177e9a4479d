"""The suite of the coordinator contract: every store that keeps schedules passes it, ours and strangers'.

class TestMyCoordinator(CoordinatorSuite):
    @pytest.fixture
    def broker(self):
        return open_broker("mystore://...", {})
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from ... import clock
from ...coordinator import KEPT, Candidate, Coordinated, Coordinator, Lease, Mark, Tick
from ...message import Parcel

ONE = Candidate(1, "one@suite", "abc")
TWO = Candidate(2, "two@suite", "def")
NOON = 1_800_000_000_000_001
"""Microseconds: a number that a float of seconds would not carry exactly everywhere."""


class Room:
    """The coordinators of one check, and short words."""

    def __init__(self, broker: Any, stack: ExitStack) -> None:
        self._broker = broker
        self._stack = stack

    def coordinator(self, scope: str = "shop") -> Coordinator:
        """One more, as another process would open it."""
        opened: Coordinator = self._broker.coordinator(scope)
        return self._stack.enter_context(closing(opened))

    def waiting(self) -> list[str]:
        """Ids of the messages that wait in queue "q", oldest first."""
        with closing(self._broker.shelf()) as shelf:
            return [item.parcel.id for item in shelf.items("ready", queue="q")]


def parcel(task_id: str) -> Parcel:
    """A message."""
    head = b'{"headers":{"task":"suite.task","id":"%b"},"properties":{},"content-type":"application/json"}'
    return Parcel("q", task_id, "suite.task", head % task_id.encode(), b"[[], {}, {}]")


def tick(before: int, nominal: int, *ids: str, entry: str = "daily", what: Any = "sent") -> Tick:
    """A tick of an entry."""
    return Tick(entry, before, nominal, what, 5.0, "a word", "every(days=1)", tuple(map(parcel, ids)))


class CoordinatorSuite:
    """Every sentence of `umbel.coordinator`. A subclass gives the fixture ``broker``."""

    @pytest.fixture
    def room(self, broker: Any) -> Iterator[Room]:
        """Coordinators of the broker."""
        with ExitStack() as stack:
            yield Room(broker, stack)

    def test_the_broker_is_found_to_keep_schedules(self, broker: object) -> None:
        """By looking whether the part is there."""
        assert isinstance(broker, Coordinated)

    def test_the_first_candidate_leads(self, room: Room) -> None:
        """And everybody sees it."""
        lease = room.coordinator().lead(ONE, None, 1.0)
        assert (lease.term, lease.leader, lease.node, lease.entries) == (1, 1, "one@suite", "abc")
        assert room.coordinator().look().lease == lease

    def test_a_renewal_counts_and_keeps_the_term(self, room: Room) -> None:
        """So a rival sees that it lives."""
        coordinator = room.coordinator()
        first = coordinator.lead(ONE, None, 1.0)
        second = coordinator.lead(ONE, None, 2.0)
        assert second.term == first.term
        assert second.renewals > first.renewals

    def test_a_lease_that_is_held_is_not_given_to_another(self, room: Room) -> None:
        """Who only asks changes nothing."""
        held = room.coordinator().lead(ONE, None, 1.0)
        assert room.coordinator().lead(TWO, None, 2.0) == held
        assert room.coordinator().look().lease == held

    def test_a_lease_that_stood_still_is_taken_under_a_new_term(self, room: Room) -> None:
        """By the one who saw it."""
        stuck = room.coordinator().lead(ONE, None, 1.0)
        taken = room.coordinator().lead(TWO, stuck, 2.0)
        assert taken.leader == 2
        assert taken.term > stuck.term

    def test_a_lease_that_was_renewed_since_is_not_taken(self, room: Room) -> None:
        """What the rival saw is over."""
        coordinator = room.coordinator()
        seen = coordinator.lead(ONE, None, 1.0)
        held = coordinator.lead(ONE, None, 2.0)
        assert room.coordinator().lead(TWO, seen, 3.0) == held

    def test_only_one_of_many_takes_it(self, room: Room) -> None:
        """At the same moment."""
        stuck = room.coordinator().lead(ONE, None, 1.0)
        candidates = [Candidate(nonce, f"{nonce}@suite") for nonce in range(10, 18)]
        found: list[Lease] = []

        def take(candidate: Candidate) -> None:
            with closing(room._broker.coordinator("shop")) as coordinator:  # noqa: SLF001 - the room is ours
                found.append(coordinator.lead(candidate, stuck, 2.0))

        threads = [threading.Thread(target=take, args=(candidate,)) for candidate in candidates]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({(lease.term, lease.leader) for lease in found}) == 1, found

    def test_who_resigns_leaves_it_to_the_next(self, room: Room) -> None:
        """At once, and only a leader can."""
        coordinator = room.coordinator()
        first = coordinator.lead(ONE, None, 1.0)
        coordinator.resign(TWO.nonce)
        assert coordinator.look().lease == first
        coordinator.resign(ONE.nonce)
        taken = coordinator.lead(TWO, None, 2.0)
        assert taken.leader == 2
        assert taken.term > first.term

    def test_a_tick_sends_and_moves_its_mark(self, room: Room) -> None:
        """In one step; the numbers come back exactly."""
        coordinator = room.coordinator()
        term = coordinator.lead(ONE, None, 1.0).term
        assert coordinator.fire(term, [tick(0, NOON, "a", "b")]) is True
        assert room.waiting() == ["a", "b"]
        assert room.coordinator().look().marks == {"daily": Mark(NOON, NOON, "every(days=1)")}

    def test_a_tick_that_is_left_out_keeps_what_was_sent(self, room: Room) -> None:
        """`Mark.sent` names a task that there is."""
        coordinator = room.coordinator()
        term = coordinator.lead(ONE, None, 1.0).term
        coordinator.fire(term, [tick(0, NOON, "a")])
        coordinator.fire(term, [tick(NOON, NOON + 1, what="skipped")])
        assert coordinator.look().marks["daily"] == Mark(NOON + 1, NOON, "every(days=1)")

    def test_ticks_of_one_entry_follow_each_other(self, room: Room) -> None:
        """In one step as well."""
        coordinator = room.coordinator()
        term = coordinator.lead(ONE, None, 1.0).term
        assert coordinator.fire(term, [tick(0, 10, "a"), tick(0, 10, "x", entry="other"), tick(10, 20, "b")]) is True
        assert room.waiting() == ["a", "x", "b"]
        assert {name: mark.nominal for name, mark in coordinator.look().marks.items()} == {"daily": 20, "other": 10}

    def test_a_term_that_is_over_sends_nothing(self, room: Room) -> None:
        """A leader that was paused comes back."""
        old = room.coordinator()
        lease = old.lead(ONE, None, 1.0)
        assert old.fire(lease.term, [tick(0, 10, "a")]) is True
        room.coordinator().lead(TWO, lease, 2.0)
        assert old.fire(lease.term, [tick(10, 20, "b")]) is False
        assert room.waiting() == ["a"]
        assert old.look().marks["daily"].nominal == 10

    def test_who_has_resigned_sends_nothing(self, room: Room) -> None:
        """Its term is nobody's."""
        coordinator = room.coordinator()
        term = coordinator.lead(ONE, None, 1.0).term
        coordinator.resign(ONE.nonce)
        assert coordinator.fire(term, [tick(0, 10, "a")]) is False
        assert room.waiting() == []

    def test_a_mark_that_has_moved_on_refuses_the_whole_step(self, room: Room) -> None:
        """Also what would have fitted."""
        coordinator = room.coordinator()
        term = coordinator.lead(ONE, None, 1.0).term
        coordinator.fire(term, [tick(0, 10, "a")])
        assert coordinator.fire(term, [tick(0, 10, "x", entry="other"), tick(0, 10, "a")]) is False
        assert room.waiting() == ["a"]
        assert [*coordinator.look().marks] == ["daily"]

    def test_scopes_know_nothing_of_each_other(self, room: Room) -> None:
        """Neither leader, nor marks, nor history."""
        shop, bank = room.coordinator("shop"), room.coordinator("bank")
        shop.lead(ONE, None, 1.0)
        term = bank.lead(TWO, None, 1.0).term
        assert bank.fire(term, [tick(0, 10, "a")]) is True
        assert shop.look().marks == {}
        assert [moment.node for moment in shop.history()] == ["one@suite"]

    def test_the_history_says_what_happened(self, room: Room) -> None:
        """Newest first."""
        coordinator = room.coordinator()
        first = coordinator.lead(ONE, None, 1.0)
        coordinator.fire(first.term, [tick(0, 10, "a"), tick(0, 10, entry="other", what="began")])
        second = coordinator.lead(TWO, first, 9.0)
        coordinator.fire(second.term, [tick(10, 20, what="skipped")])
        found = [(one.what, one.nominal, one.at, one.node, one.term) for one in coordinator.history("daily")]
        assert found == [("skipped", 20, 5.0, "two@suite", second.term), ("sent", 10, 5.0, "one@suite", first.term)]
        assert [(one.what, one.at, one.node) for one in coordinator.history("")] == [
            ("led", 9.0, "two@suite"), ("led", 1.0, "one@suite"),
        ]  # fmt: skip
        assert coordinator.history("daily", 1)[0].detail == "a word"
        assert len(coordinator.history()) == 5

    def test_the_history_does_not_grow(self, room: Room) -> None:
        """Of each entry the last `KEPT` moments stay."""
        coordinator = room.coordinator()
        term = coordinator.lead(ONE, None, 1.0).term
        coordinator.fire(term, [tick(0, 1, entry="rare")])
        for begin in range(0, KEPT + 50, 50):
            coordinator.fire(term, [tick(at, at + 1) for at in range(begin, begin + 50)])
        found = [one.nominal for one in coordinator.history("daily", KEPT * 2)]
        assert found == list(range(KEPT + 50, 50, -1))
        assert len(coordinator.history("rare")) == 1

    def test_messages_that_are_due_later_wait(self, room: Room) -> None:
        """A tick may have a countdown."""
        coordinator = room.coordinator()
        term = coordinator.lead(ONE, None, 1.0).term
        later = parcel("a")
        later.due = clock.wall() + 600
        assert coordinator.fire(term, [Tick("daily", 0, 10, "sent", 5.0, parcels=(later,))]) is True
        assert room.waiting() == []

    def test_nothing_to_send_is_sent(self, room: Room) -> None:
        """No tick at all is a step, too."""
        coordinator = room.coordinator()
        term = coordinator.lead(ONE, None, 1.0).term
        assert coordinator.fire(term, []) is True
        assert coordinator.look().marks == {}

    def test_close_is_safe_to_repeat(self, room: Room) -> None:
        """And what was done stays."""
        coordinator = room.coordinator()
        lease = coordinator.lead(ONE, None, 1.0)
        coordinator.close()
        coordinator.close()
        assert room.coordinator().look().lease == lease
