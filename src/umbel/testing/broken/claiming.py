"""Stores that break who gets which message, and when."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.entry import Entry
from ...adapters.memory.lines import Lines as MemoryLines
from ...adapters.memory.store import MemoryStore
from ...broker import Turn, Want
from ...message import Delivery, Parcel
from ...outcome import Outcome
from .base import Broken


class TextOrder(Broken, breaks="test_the_oldest_is_first"):
    """Sorts tags as text: 10 before 9."""

    class Lines(MemoryLines):
        def join(self, entry: Entry) -> None:
            if entry.place == "delayed":
                super().join(entry)
            else:
                place: Any = (entry.level, str(entry.tag), entry)
                heapq.heappush(self._ready[entry.parcel.queue], place)


class NinePriorities(Broken, breaks="test_the_urgent_is_first"):
    """Takes 9 for 0."""

    class Lines(MemoryLines):
        def join(self, entry: Entry) -> None:
            entry.parcel = msgspec.structs.replace(entry.parcel, priority=entry.parcel.priority % 9)
            super().join(entry)


class _Filled(MemoryConsumer):
    """Goes on claiming until a batch is full, from the queues that `_more` names."""

    def _claim(self, want: Want) -> list[Delivery]:
        batch = super()._claim(want)
        while batch and len(batch) < want.limit and not batch[-1].alone:
            more = super()._claim(Want(self._more(batch[0], want.queues), want.limit - len(batch)))
            batch += more
            if not more:
                break
        return batch

    def _more(self, first: Delivery, queues: tuple[str, ...]) -> tuple[str, ...]:
        return ()


class MixedPriorities(Broken, breaks="test_a_claim_is_of_one_priority"):
    """Fills a batch with what is less urgent."""

    class Consumer(_Filled):
        def _more(self, first: Delivery, queues: tuple[str, ...]) -> tuple[str, ...]:
            return (first.queue,)


class MixedQueues(Broken, breaks="test_a_claim_is_of_one_queue"):
    """Fills a batch from the other queues."""

    class Consumer(_Filled):
        def _more(self, first: Delivery, queues: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(queue for queue in queues if queue != first.queue)


class QueuesByName(Broken, breaks="test_among_equals_the_wanted_order_of_queues_decides"):
    """Prefers queues by their names."""

    class Consumer(MemoryConsumer):
        def _claim(self, want: Want) -> list[Delivery]:
            return super()._claim(Want(tuple(sorted(want.queues)), want.limit))


class QueuesBeforePriority(Broken, breaks="test_an_urgent_message_of_a_later_queue_is_first"):
    """Takes from the first queue that has something, unless there are suspects."""

    class Consumer(MemoryConsumer):
        def _claim(self, want: Want) -> list[Delivery]:
            if any(entry.alone for entry in self._store.entries.values()):
                return super()._claim(want)
            for queue in want.queues:
                batch = super()._claim(Want((queue,), want.limit))
                if batch:
                    return batch
            return []


class FoldedNames(Broken, breaks="test_only_wanted_queues_are_claimed"):
    """Does not tell q from Q."""

    class Consumer(MemoryConsumer):
        def _claim(self, want: Want) -> list[Delivery]:
            return super()._claim(Want((*want.queues, *(queue.upper() for queue in want.queues)), want.limit))


class OneMore(Broken, breaks="test_a_claim_keeps_its_limit"):
    """Adds one to a batch of three."""

    class Consumer(MemoryConsumer):
        def _claim(self, want: Want) -> list[Delivery]:
            return super()._claim(Want(want.queues, want.limit + (want.limit == 3)))


class UnaskedClaim(Broken, breaks="test_nothing_is_claimed_unless_wanted"):
    """Claims for a consumer that calls with empty hands."""

    class Consumer(MemoryConsumer):
        def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
            return super().turn(outcomes, want if want or outcomes else Want(("q",), 1))


class OfferedAgain(Broken, breaks="test_a_claimed_message_is_nobody_elses"):
    """Offers a worker what it holds already when there is nothing else."""

    class Consumer(MemoryConsumer):
        def _claim(self, want: Want) -> list[Delivery]:
            held = [entry.delivery() for entry in self._store.held_by(self._nonce)]
            return super()._claim(want) or held


class TwoSteps(Broken, breaks="test_workers_at_once_share_no_message"):
    """Looks where a batch begins, and takes it a moment later."""

    class Consumer(MemoryConsumer):
        def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
            if want is None or want.limit == 1 or len(want.queues) != 1:
                return super().turn(outcomes, want)
            with self._store.lock:
                seen = self._store.lines.head(want.queues[0])
            time.sleep(0.001)
            turn = super().turn(outcomes, want)
            if seen and turn.deliveries and turn.deliveries[0].tag > seen.tag and not seen.alone:
                turn.deliveries[0] = seen.delivery()
            return turn


class ClaimNumbersComeBack(Broken, breaks="test_every_claim_has_its_own_number"):
    """Counts claims modulo two."""

    class Store(MemoryStore):
        def claim(self, entry: Entry, nonce: int) -> None:
            super().claim(entry, nonce)
            entry.claim %= 2


class ClaimBeforeSettle(Broken, breaks="test_a_turn_settles_before_it_claims"):
    """Claims first."""

    class Consumer(MemoryConsumer):
        def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
            claimed = super().turn([], want)
            settled = super().turn(outcomes, None)
            claimed.fenced = settled.fenced
            return claimed


class TooEarly(Broken, breaks="test_a_delayed_message_waits_for_its_time"):
    """Has a clock that is fast by a quarter of a minute."""

    class Lines(MemoryLines):
        def promote(self, now: float) -> None:
            super().promote(now + 15)


class PastIsFuture(Broken, breaks="test_a_due_time_in_the_past_is_now"):
    """Does not see that a due time is over when a message comes."""

    class Store(MemoryStore):
        def add(self, parcels: Iterable[Parcel], now: float) -> None:
            late = [msgspec.structs.replace(p, due=now + 60 if 0 < p.due < now else p.due) for p in parcels]
            super().add(late, now)


class PriorityLostInDelay(Broken, breaks="test_a_due_message_has_its_priority"):
    """Sends a message to the calm end of the line when it falls due."""

    class Lines(MemoryLines):
        def promote(self, now: float) -> None:
            for line in self._delayed.values():
                for due, _, entry in line:
                    if due <= now:
                        entry.parcel = msgspec.structs.replace(entry.parcel, priority=0)
            super().promote(now)


class DueAnywhere(Broken, breaks="test_a_turn_names_the_next_due_time"):
    """Names the earliest due time of all queues."""

    class Lines(MemoryLines):
        def next_due(self, queues: Iterable[str]) -> float:
            return super().next_due(list(self._delayed))
