"""Each check of the suite is failed by a store that breaks what it says, seen over the memory store."""

from __future__ import annotations

import inspect
from contextlib import ExitStack

import msgspec
import pytest

from umbel import clock
from umbel.adapters.memory import MemoryBroker, MemoryStore
from umbel.adapters.memory.coordinator import MemoryCoordinator
from umbel.adapters.memory.scope import Scope
from umbel.coordinator import Lease, Mark
from umbel.testing.conformance.coordinator import CoordinatorSuite, Room

CHECKS = [name for name, _ in inspect.getmembers(CoordinatorSuite) if name.startswith("test_")]


class Broken(MemoryCoordinator):
    breaks = ""


class NobodyLeads(Broken):
    breaks = "test_the_first_candidate_leads"

    def look(self):
        return msgspec.structs.replace(super().look(), lease=None)


class RenewalsDoNotCount(Broken):
    breaks = "test_a_renewal_counts_and_keeps_the_term"

    def lead(self, candidate, seen, at):
        held = self._scope.lease
        return held if held is not None and held.leader == candidate.nonce else super().lead(candidate, seen, at)


class EverybodyMayLead(Broken):
    breaks = "test_a_lease_that_is_held_is_not_given_to_another"

    def lead(self, candidate, seen, at):
        return super().lead(candidate, self._scope.lease, at)


class NobodyMayTake(Broken):
    breaks = "test_a_lease_that_stood_still_is_taken_under_a_new_term"

    def lead(self, candidate, seen, at):
        return super().lead(candidate, None, at)


class OldSightings(Broken):
    breaks = "test_a_lease_that_was_renewed_since_is_not_taken"

    def lead(self, candidate, seen, at):
        held = self._scope.lease
        return super().lead(candidate, held if seen and held and seen.term == held.term else seen, at)


class LooksThenTakes(Broken):
    breaks = "test_only_one_of_many_takes_it"

    def lead(self, candidate, seen, at):
        if seen is None:
            return super().lead(candidate, seen, at)
        taken = Lease(seen.term + 1, seen.renewals + 1, candidate.nonce, candidate.node)
        self._scope.lease = taken
        return taken


class ResignsForAnybody(Broken):
    breaks = "test_who_resigns_leaves_it_to_the_next"

    def resign(self, nonce):
        super().resign(self._scope.lease.leader)


class ForgetsMessages(Broken):
    breaks = "test_a_tick_sends_and_moves_its_mark"

    def _take(self, tick, held):
        super()._take(msgspec.structs.replace(tick, parcels=tick.parcels[:1]), held)


class ForgetsWhatWasSent(Broken):
    breaks = "test_a_tick_that_is_left_out_keeps_what_was_sent"

    def _take(self, tick, held):
        super()._take(tick, held)
        self._scope.marks[tick.entry] = Mark(tick.nominal, tick.nominal, tick.shape)


class OneTickAnEntry(Broken):
    breaks = "test_ticks_of_one_entry_follow_each_other"

    def _follows(self, ticks):
        return super()._follows(ticks) and len({tick.entry for tick in ticks}) == len(ticks)


class NoFence(Broken):
    breaks = "test_a_term_that_is_over_sends_nothing"

    def fire(self, term, ticks, *, deadline=5.0):
        return super().fire(self._scope.lease.term, ticks)


class SendsAfterwards(Broken):
    breaks = "test_who_has_resigned_sends_nothing"

    def fire(self, term, ticks, *, deadline=5.0):
        held = self._scope.lease
        if not held.leader and held.term == term:
            self._store.add([parcel for tick in ticks for parcel in tick.parcels], clock.wall())
            return False
        return super().fire(term, ticks)


class NoMarks(Broken):
    breaks = "test_a_mark_that_has_moved_on_refuses_the_whole_step"

    def _follows(self, ticks):
        return True


class OneScope(Broken):
    breaks = "test_scopes_know_nothing_of_each_other"

    def __init__(self, store, scope):
        super().__init__(store, "all")


class OldestFirst(Broken):
    breaks = "test_the_history_says_what_happened"

    def history(self, entry=None, limit=100):
        return super().history(entry, limit)[::-1]


class KeepsEverything(Broken):
    breaks = "test_the_history_does_not_grow"

    def __init__(self, store, scope):
        super().__init__(store, scope)
        if type(self._scope) is Scope:
            self._scope.note = lambda moment: self._scope.moments.setdefault(moment.entry, []).append(
                (moment.nominal, moment)
            )


class SendsAtOnce(Broken):
    breaks = "test_messages_that_are_due_later_wait"

    def _take(self, tick, held):
        parcels = tuple(msgspec.structs.replace(parcel, due=0.0) for parcel in tick.parcels)
        super()._take(msgspec.structs.replace(tick, parcels=parcels), held)


class RefusesNothing(Broken):
    breaks = "test_nothing_to_send_is_sent"

    def fire(self, term, ticks, *, deadline=5.0):
        return bool(ticks) and super().fire(term, ticks)


class ClosesTheScope(Broken):
    breaks = "test_close_is_safe_to_repeat"

    def close(self):
        self._scope.lease = None


class WithoutThePart:
    """A broker without the part is found, too."""

    breaks = "test_the_broker_is_found_to_keep_schedules"


def failing(kind) -> list[str]:
    """Checks that do not pass over a store of this kind."""
    found = []
    for name in CHECKS:
        broker = MemoryBroker(MemoryStore())
        if issubclass(kind, MemoryCoordinator):
            broker.coordinator = lambda scope, store=broker.store: kind(store, scope)
        elif name == WithoutThePart.breaks:
            broker = object()
        try:
            with ExitStack() as stack:
                check = getattr(CoordinatorSuite(), name)
                check(broker if "broker" in inspect.signature(check).parameters else Room(broker, stack))
        except Exception:  # an assertion, or what the broken store leads to
            found.append(name)
    return found


@pytest.mark.parametrize("kind", [*Broken.__subclasses__(), WithoutThePart], ids=lambda kind: kind.__name__)
def test_a_broken_store_fails_its_check(kind):
    assert kind.breaks in failing(kind)


def test_a_good_store_fails_none():
    assert failing(MemoryCoordinator) == []


def test_every_check_has_a_store_that_fails_it():
    assert {kind.breaks for kind in [*Broken.__subclasses__(), WithoutThePart]} == set(CHECKS)
