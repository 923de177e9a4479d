"""Stores that break ownership: who lives, and what becomes of the work of the dead."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import msgspec

from ... import clock
from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.entry import Entry
from ...adapters.memory.lines import Lines as MemoryLines
from ...adapters.memory.owners import MemoryOwners
from ...adapters.memory.store import MemoryStore
from ...broker import Death, Owner, Turn, Want
from ...message import Delivery
from ...outcome import Outcome, Release
from .base import Broken


class AnonymousRoll(Broken, breaks="test_the_living_are_on_the_roll"):
    """Forgets what owners say about themselves."""

    class Owners(MemoryOwners):
        def roll(self) -> list[Owner]:
            return [msgspec.structs.replace(owner, info={}) for owner in super().roll()]


class Ghosts(Broken, breaks="test_the_dead_are_not_on_the_roll"):
    """Shows those that retired for as long as their process lives."""

    class Owners(MemoryOwners):
        def retire(self, nonce: int) -> None:
            owner = self._store.living.get(nonce)
            super().retire(nonce)
            if owner and len(self._store.living) == 2:
                self._store.living[-nonce] = owner


class LeaseByTime(Broken, breaks="test_a_living_owner_keeps_its_work"):
    """Takes work back from an owner after a day, alive or not."""

    class Owners(MemoryOwners):
        def rescue(self, deaths: Sequence[Death] = ()) -> int:
            now = clock.wall()
            late = [entry for entry in self._store.entries_in("leased") if entry.stored < now - 86400]
            for entry in late:
                self._store.give_back(entry)
            return super().rescue(deaths) + len(late)


class ClosedIsDead(Broken, breaks="test_a_closed_consumer_leaves_its_work_held"):
    """Takes the end of a connection for the end of the owner."""

    class Consumer(MemoryConsumer):
        def close(self) -> None:
            for entry in self._store.held_by(self._nonce):
                self._store.give_back(entry)
            super().close()


class RetireKeeps(Broken, breaks="test_retire_gives_everything_back_at_once"):
    """Gives back the first message of one that retires, and leaves the others to the next rescue."""

    class Owners(MemoryOwners):
        def retire(self, nonce: int) -> None:
            held = self._store.held_by(nonce)[1:]
            super().retire(nonce)
            for entry in held:
                self._store.lines.leave(entry)
                entry.place, entry.owner = "leased", nonce


class _Welcoming(MemoryConsumer):
    """Does not tell everybody who is dead."""

    def _pardoned(self) -> bool:
        return False

    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        turn = super().turn(outcomes, want)
        if turn.refused and self._pardoned():
            turn.refused = False
        return turn


class RetiredMayClaim(Broken, breaks="test_a_retired_owner_is_refused"):
    """Does not tell a retired owner that it is dead."""

    class Store(MemoryStore):
        retired: set[int] = set()  # noqa: RUF012 - nonces are never used twice, so all stores may share it

    class Owners(MemoryOwners):
        def retire(self, nonce: int) -> None:
            super().retire(nonce)
            RetiredMayClaim.Store.retired.add(nonce)

    class Consumer(_Welcoming):
        def _pardoned(self) -> bool:
            return self._nonce in RetiredMayClaim.Store.retired


class ReportedMayClaim(Broken, breaks="test_an_owner_reported_dead_is_refused"):
    """Believes its eyes more than a report: whoever calls is alive."""

    class Owners(MemoryOwners):
        def _take_back_reported(self, death: Death) -> int:
            owner = self._store.living.get(death.owner)
            taken = super()._take_back_reported(death)
            if owner:
                self._store.living[death.owner] = owner
            return taken


class AllRefused(Broken, breaks="test_a_living_owner_is_not_refused"):
    """Tells the last one alive that it is dead."""

    class Consumer(MemoryConsumer):
        def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
            turn = super().turn(outcomes, want)
            turn.refused = turn.refused or (len(self._store.living) == 1 and not self._store.entries)
            return turn


class DeadMayAdd(Broken, breaks="test_outcomes_of_a_dead_owner_are_fenced"):
    """Drops the outcome of a dead owner, but not its record."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            if outcome.record is not None and self._nonce not in self._store.living:
                self._store.results.keep(outcome.record, now)
            return super()._settle(outcome, now)


class CheckForTheDead(Broken, breaks="test_check_denies_a_dead_owner"):
    """Goes by the claim number when it is asked."""

    class Consumer(MemoryConsumer):
        def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
            entries = [self._store.entries.get(outcome.delivery.tag) for outcome in outcomes]
            numbers = [
                entry is not None and entry.claim == o.delivery.claim
                for entry, o in zip(entries, outcomes, strict=True)
            ]
            dead = self._nonce not in self._store.living
            return numbers if dead else super().check(outcomes)


class OneByOne(Broken, breaks="test_rescue_finds_the_dead"):
    """Says of an unreported death that one message became claimable, however many there were."""

    class Owners(MemoryOwners):
        def _take_back_unreported(self, nonce: int) -> int:
            return min(1, super()._take_back_unreported(nonce))


class RescuedLast(Broken, breaks="test_rescue_takes_back_what_a_reported_owner_held"):
    """Does not say that a rescued message was delivered before."""

    class Owners(MemoryOwners):
        def _take_back_reported(self, death: Death) -> int:
            entries = self._store.held_by(death.owner)
            taken = super()._take_back_reported(death)
            for entry in entries:
                entry.redelivered = False
            return taken


class FirstDeathIsFree(Broken, breaks="test_a_death_counts_against_what_had_started"):
    """Judges at the third death, but tells one death less."""

    class Consumer(MemoryConsumer):
        def _take(self, entry: Entry) -> Delivery:
            delivery = super()._take(entry)
            if delivery.deaths == 2 and not delivery.alone:
                delivery.deaths = 1
            return delivery


class CountedTwice(Broken, breaks="test_a_report_about_nobody_changes_nothing"):
    """Counts a report by its tags, whoever holds them now."""

    class Owners(MemoryOwners):
        def _take_back_reported(self, death: Death) -> int:
            known = death.owner in self._store.living or death.owner in self._store.killed
            for entry in self._store.entries.values():
                if not known and entry.tag in death.started:
                    self._count_death(entry, death.cause)
            return super()._take_back_reported(death)


class CollectiveGuilt(Broken, breaks="test_innocent_neighbours_return_untouched"):
    """Suspects all that a dead owner held when one of them had started."""

    class Owners(MemoryOwners):
        def _take_back_reported(self, death: Death) -> int:
            guilty = death.counts and death.started and len(self._store.entries) == 2
            for entry in self._store.held_by(death.owner):
                entry.alone = entry.alone or bool(guilty and entry.tag not in death.started)
            return super()._take_back_reported(death)


class EveryDeathCounts(Broken, breaks="test_a_death_may_count_for_nobody"):
    """Counts a death after SIGTERM."""

    class Owners(MemoryOwners):
        def _take_back_reported(self, death: Death) -> int:
            return super()._take_back_reported(
                msgspec.structs.replace(death, counts=death.counts or not death.verdicts)
            )


class NoCause(Broken, breaks="test_three_reported_deaths_bring_a_verdict"):
    """Does not tell in its verdict what the third death was."""

    class Owners(MemoryOwners):
        def _count_death(self, entry: Entry, cause: str) -> None:
            super()._count_death(entry, cause)
            if entry.verdict and not entry.alone:
                entry.verdict = "WorkerLostError:"


class ReleaseAcquits(Broken, breaks="test_a_release_keeps_the_deaths"):
    """Begins counting anew when a message is released."""

    class Consumer(MemoryConsumer):
        def _move(self, entry: Entry, outcome: Outcome, now: float) -> None:
            if isinstance(outcome, Release):
                entry.deaths = 0
            super()._move(entry, outcome, now)


class VerdictForAll(Broken, breaks="test_a_reported_verdict_is_delivered"):
    """Judges all messages of an owner as it judges one."""

    class Owners(MemoryOwners):
        def _take_back_reported(self, death: Death) -> int:
            verdict = next(iter(death.verdicts.values()), "")
            everything = {entry.tag: verdict for entry in self._store.held_by(death.owner)}
            return super()._take_back_reported(msgspec.structs.replace(death, verdicts=everything if verdict else {}))


class SuspectsTogether(Broken, breaks="test_after_an_unreported_death_each_is_claimed_alone"):
    """Lets suspects go together."""

    class Consumer(MemoryConsumer):
        def _claim(self, want: Want) -> list[Delivery]:
            batch = super()._claim(want)
            while batch and batch[0].alone and len(batch) < want.limit:
                head = self._store.lines.head(batch[0].queue)
                if head is None or not head.alone:
                    break
                batch.append(self._take(head))
            return batch


class UnseenDeathCounts(Broken, breaks="test_an_unreported_death_counts_for_no_batch"):
    """Takes a batch of one for a message that was alone."""

    class Owners(MemoryOwners):
        def _take_back_unreported(self, nonce: int) -> int:
            entries = self._store.held_by(nonce)
            single = len(entries) == 1 and len(self._store.entries) == 3 and not entries[0].alone
            taken = super()._take_back_unreported(nonce)
            if single:
                entries[0].deaths += 1
            return taken


class SuspectedForEver(Broken, breaks="test_an_unreported_death_counts_for_what_was_alone"):
    """Never counts a death that nobody saw."""

    class Owners(MemoryOwners):
        def _take_back_unreported(self, nonce: int) -> int:
            entries = self._store.held_by(nonce)
            for entry in entries:
                entry.alone = False
            return super()._take_back_unreported(nonce)


class SuspectsInTheirPlace(Broken, breaks="test_a_suspect_goes_before_the_others_of_its_priority"):
    """Goes by age, whoever it is."""

    class Lines(MemoryLines):
        def join(self, entry: Entry) -> None:
            if entry.place == "delayed":
                super().join(entry)
            else:
                place = (9 - entry.parcel.priority, entry.tag, entry)
                heapq.heappush(self._ready[entry.parcel.queue], place)


class SuspectsAreUrgent(Broken, breaks="test_a_suspect_keeps_its_priority"):
    """Has suspects before everything."""

    class Lines(MemoryLines):
        def join(self, entry: Entry) -> None:
            if entry.place == "delayed":
                super().join(entry)
            else:
                place = (-1 if entry.alone else entry.level, entry.tag, entry)
                heapq.heappush(self._ready[entry.parcel.queue], place)


class FirstQueueFirst(Broken, breaks="test_a_suspect_goes_before_a_queue_that_is_named_first"):
    """Goes by the order of queues before it looks for suspects."""

    class Consumer(MemoryConsumer):
        def _first(self, heads: list[Entry]) -> Entry:
            return max(heads, key=lambda head: head.parcel.priority)


class AllAlone(Broken, breaks="test_a_suspect_does_not_keep_others_from_their_batch"):
    """Claims one by one while a suspect is about."""

    class Consumer(MemoryConsumer):
        def _claim(self, want: Want) -> list[Delivery]:
            suspects = any(entry.alone for entry in self._store.entries.values())
            return super()._claim(Want(want.queues, 1 if suspects else want.limit))


class HoldForgottenByReport(Broken, breaks="test_a_held_message_fails_at_a_reported_death"):
    """Repeats what was acknowledged early, when the death does not count."""

    class Owners(MemoryOwners):
        def _take_back_reported(self, death: Death) -> int:
            for entry in self._store.held_by(death.owner):
                entry.held = entry.held and death.counts
            return super()._take_back_reported(death)


class HoldForgottenByRescue(Broken, breaks="test_a_held_message_fails_at_an_unreported_death"):
    """Repeats what was acknowledged early, when nobody saw the death."""

    class Owners(MemoryOwners):
        def _take_back_unreported(self, nonce: int) -> int:
            for entry in self._store.held_by(nonce):
                entry.held = False
            return super()._take_back_unreported(nonce)


class HoldForEver(Broken, breaks="test_a_release_ends_a_hold"):
    """Remembers a hold after the release."""

    class Consumer(MemoryConsumer):
        def _move(self, entry: Entry, outcome: Outcome, now: float) -> None:
            held = entry.held
            super()._move(entry, outcome, now)
            entry.held = held or entry.held


class VerdictsAreFinal(Broken, breaks="test_a_judged_message_is_settled_like_any_other"):
    """Lets anybody settle what is judged, under any claim number."""

    class Consumer(MemoryConsumer):
        def _held(self, delivery: Delivery) -> Entry | None:
            entry = self._store.entries.get(delivery.tag)
            return entry if entry and entry.verdict.startswith("Terminated") else super()._held(delivery)
