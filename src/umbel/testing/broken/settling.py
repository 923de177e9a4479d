"""Stores that break what becomes of a claimed message, and whose word counts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.entry import Entry
from ...adapters.memory.store import MemoryStore
from ...broker import Turn, Want
from ...message import Delivery
from ...outcome import Bury, Done, Fail, Outcome, Park, Release, Replace, Retry
from .base import Broken


class _Repeats(MemoryConsumer):
    """Gives a message back after one kind of outcome, as if it had not been settled."""

    kind: type[Outcome]

    def _move(self, entry: Entry, outcome: Outcome, now: float) -> None:
        if type(outcome) is self.kind and not outcome.parcels and outcome.record is None and self._others(entry):
            self._store.give_back(entry)
        else:
            super()._move(entry, outcome, now)

    def _others(self, entry: Entry) -> bool:
        """Only when exactly one more message waits, so that it is seen by one check."""
        return len(self._store.entries) == 2 and bool(self._store.entries_in("ready", entry.parcel.queue))


class DoneAgain(Broken, breaks="test_done_removes_the_message"):
    """Repeats what is done."""

    class Consumer(_Repeats):
        kind = Done


class FailedAgain(Broken, breaks="test_fail_removes_the_message"):
    """Repeats what failed."""

    class Consumer(_Repeats):
        kind = Fail


class RetriedAgain(Broken, breaks="test_retry_removes_the_message"):
    """Keeps the first attempt beside the next one."""

    class Consumer(_Repeats):
        kind = Retry


class ReplacedAgain(Broken, breaks="test_replace_removes_the_message"):
    """Keeps what was replaced."""

    class Consumer(_Repeats):
        kind = Replace


class NoRecordOfRetries(Broken, breaks="test_a_record_is_stored_with_its_outcome"):
    """Stores the records of endings only."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            if isinstance(outcome, Retry):
                outcome = Retry(outcome.delivery, None, outcome.parcels)
            return super()._settle(outcome, now)


class LastWord(Broken, breaks="test_a_success_in_the_store_outlives_a_late_failure"):
    """Stores whatever a settle says, whatever is stored."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            if outcome.record is not None and self._held(outcome.delivery):
                self._store.results.forget([outcome.record.id])
            return super()._settle(outcome, now)


class NoErrbacks(Broken, breaks="test_parcels_are_sent_with_their_outcome"):
    """Sends no parcels of a buried message."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            if isinstance(outcome, Bury):
                outcome = Bury(outcome.delivery, outcome.record, reason=outcome.reason, detail=outcome.detail)
            return super()._settle(outcome, now)


class RetryAtOnce(Broken, breaks="test_the_next_attempt_waits_for_its_time"):
    """Forgets the due time of what an outcome sends."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            at_once = tuple(msgspec.structs.replace(parcel, due=0.0) for parcel in outcome.parcels)
            return super()._settle(msgspec.structs.replace(outcome, parcels=at_once), now)


class BackOfTheLine(Broken, breaks="test_release_gives_it_back_to_its_own_place"):
    """Puts what is released behind everything else."""

    class Consumer(MemoryConsumer):
        def _move(self, entry: Entry, outcome: Outcome, now: float) -> None:
            if isinstance(outcome, Release):
                self._store.remove(entry)
                self._store.add([entry.parcel], now)
                self._store.entries[max(self._store.entries)].deaths = entry.deaths
            else:
                super()._move(entry, outcome, now)


class ReleaseIsRemembered(Broken, breaks="test_a_released_message_is_as_if_never_claimed"):
    """Calls a released message redelivered."""

    class Consumer(MemoryConsumer):
        def _move(self, entry: Entry, outcome: Outcome, now: float) -> None:
            entry.redelivered = entry.redelivered or isinstance(outcome, Release)
            super()._move(entry, outcome, now)


class ParkCounts(Broken, breaks="test_a_parked_message_waits_and_is_offered_again"):
    """Counts a park as a crash."""

    class Consumer(MemoryConsumer):
        def _move(self, entry: Entry, outcome: Outcome, now: float) -> None:
            entry.deaths += isinstance(outcome, Park)
            super()._move(entry, outcome, now)


class ParkedAnew(Broken, breaks="test_a_parked_message_tells_since_when"):
    """Tells when it was parked last."""

    class Consumer(MemoryConsumer):
        def _move(self, entry: Entry, outcome: Outcome, now: float) -> None:
            if isinstance(outcome, Park):
                entry.parked = now
            super()._move(entry, outcome, now)


class NoDetail(Broken, breaks="test_a_buried_message_is_kept_with_its_reason"):
    """Drops the traceback of a dead letter."""

    class Store(MemoryStore):
        def bury(self, entry: Entry, reason: str, detail: str, now: float) -> None:
            super().bury(entry, reason, "", now)


class HoldIsTheEnd(Broken, breaks="test_a_held_message_stays_with_its_holder"):
    """Wants to hear no more of a message that was acknowledged early."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            entry = self._store.entries.get(outcome.delivery.tag)
            if entry and entry.held and isinstance(outcome, Done):
                return False
            return super()._settle(outcome, now)


class AnyClaimNumber(Broken, breaks="test_an_outcome_under_another_claim_number_is_fenced"):
    """Takes an older claim of the same owner for good."""

    class Consumer(MemoryConsumer):
        def _held(self, delivery: Delivery) -> Entry | None:
            entry = self._store.entries.get(delivery.tag)
            if entry and entry.owner == self._nonce and delivery.claim < entry.claim:
                delivery = msgspec.structs.replace(delivery, claim=entry.claim)
            return super()._held(delivery)


class AnyOwner(Broken, breaks="test_an_outcome_of_somebody_else_is_fenced"):
    """Lets another living worker settle."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            entry = self._store.entries.get(outcome.delivery.tag)
            if entry and entry.owner in self._store.living and self._nonce in self._store.living:
                mine, self._nonce = self._nonce, entry.owner
                settled = super()._settle(outcome, now)
                self._nonce = mine
                return settled
            return super()._settle(outcome, now)


class SettledTwice(Broken, breaks="test_the_second_of_two_outcomes_is_fenced"):
    """Looks what is held before a turn, and not again for each outcome."""

    class Consumer(MemoryConsumer):
        def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
            tags = [outcome.delivery.tag for outcome in outcomes if self._held(outcome.delivery)]
            again = [outcome for position, outcome in enumerate(outcomes) if outcome.delivery.tag in tags[:position]]
            turn = super().turn(outcomes, want)
            for outcome in again:
                if outcome in turn.fenced:
                    turn.fenced.remove(outcome)
                    self._store.add(outcome.parcels, 0.0)
            return turn


class FencedRecords(Broken, breaks="test_a_fenced_outcome_writes_nothing"):
    """Stores the record of an outcome that comes too late."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            if isinstance(outcome, Fail) and outcome.record and outcome.parcels:
                self._store.results.keep(outcome.record, now)
            return super()._settle(outcome, now)


class OneForAll(Broken, breaks="test_a_fenced_outcome_does_not_spoil_its_neighbours"):
    """Drops all outcomes after one that is fenced."""

    class Consumer(MemoryConsumer):
        def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
            held = [self._held(outcome.delivery) is not None for outcome in outcomes]
            first = held.index(False) if False in held else len(held)
            turn = super().turn(outcomes[: first + 1], want)
            turn.fenced += [outcome for outcome in outcomes[first + 1 :] if not self._held(outcome.delivery)]
            return turn


class CheckByTag(Broken, breaks="test_check_tells_what_is_still_held"):
    """Does not look at the claim number when it is asked."""

    class Consumer(MemoryConsumer):
        def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
            held = {entry.tag for entry in self._store.held_by(self._nonce)}
            return [outcome.delivery.tag in held for outcome in outcomes]
