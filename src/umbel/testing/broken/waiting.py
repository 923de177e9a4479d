"""Stores that break the sleep of an idle worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...adapters.memory.bell import Bell
from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.entry import Entry
from ...adapters.memory.owners import MemoryOwners
from ...adapters.memory.publisher import MemoryPublisher
from ...adapters.memory.shelf import MemoryShelf
from ...adapters.memory.store import MemoryStore
from ...broker import Death
from ...message import Parcel
from ...outcome import Outcome, Release
from .base import Broken


@contextmanager
def quiet(store: MemoryStore) -> Iterator[None]:
    """Nobody is woken meanwhile."""
    with store.lock:
        sleepers, store.sleepers = store.sleepers, {}
        try:
            yield
        finally:
            store.sleepers = sleepers


class SleepsAtOnce(Broken, breaks="test_nobody_waits_while_work_is_there"):
    """Looks at the first wanted queue only before it sleeps."""

    class Consumer(MemoryConsumer):
        def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
            first, *others = [self._store.lines.head(queue) for queue in queues]
            if any(others) and not first:
                self._bell.sleep(timeout, wake)
            else:
                super().wait(queues, timeout, wake)


class NeverSleeps(Broken, breaks="test_a_wait_ends_with_its_timeout"):
    """Returns at once from a short wait."""

    class Consumer(MemoryConsumer):
        def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
            super().wait(queues, timeout if timeout > 0.3 else 0.0, wake)


class QuietPublish(Broken, breaks="test_publish_wakes_a_sleeper"):
    """Does not wake one who wants two queues."""

    class Store(MemoryStore):
        def ring(self, queue: str) -> None:
            for bell, queues in self.sleepers.items():
                if queues == {queue}:
                    bell.ring()


class OneBell(Broken, breaks="test_one_of_many_sleepers_gets_the_message"):
    """Wakes one of many sleepers for the first message, and nobody for the second."""

    class Store(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.rung: list[Bell] = []

        def ring(self, queue: str) -> None:
            wanting = [bell for bell, queues in self.sleepers.items() if queues == {queue}]
            if len(wanting) < 2:
                super().ring(queue)
            elif not self.rung:
                self.rung = wanting[:1]
                wanting[0].ring()


class QuietRelease(Broken, breaks="test_a_release_wakes_a_sleeper"):
    """Wakes nobody for what is handed back."""

    class Consumer(MemoryConsumer):
        def _move(self, entry: Entry, outcome: Outcome, now: float) -> None:
            if isinstance(outcome, Release):
                with quiet(self._store):
                    super()._move(entry, outcome, now)
            else:
                super()._move(entry, outcome, now)


class QuietFollowUp(Broken, breaks="test_a_follow_up_wakes_a_sleeper"):
    """Wakes nobody for what an outcome sends."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            if outcome.parcels:
                with quiet(self._store):
                    return super()._settle(outcome, now)
            return super()._settle(outcome, now)


class QuietRescue(Broken, breaks="test_a_rescue_wakes_a_sleeper"):
    """Wakes nobody for the work of the dead."""

    class Owners(MemoryOwners):
        def rescue(self, deaths: Sequence[Death] = ()) -> int:
            with quiet(self._store):
                return super().rescue(deaths)


class QuietRetirement(Broken, breaks="test_a_retirement_wakes_a_sleeper"):
    """Wakes nobody for the work of one who retires."""

    class Owners(MemoryOwners):
        def retire(self, nonce: int) -> None:
            with quiet(self._store):
                super().retire(nonce)


class QuietReplay(Broken, breaks="test_a_replay_wakes_a_sleeper"):
    """Wakes nobody for a dead letter that comes back."""

    class Shelf(MemoryShelf):
        def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
            with quiet(self._store):
                return super().replay(tags, body=body)


class SleepsThroughDue(Broken, breaks="test_a_due_time_wakes_a_sleeper"):
    """Sleeps without a look at the due times that it knows."""

    class Consumer(MemoryConsumer):
        def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
            known = self._store.lines.next_due(queues) and len(self._store.living) == 1
            if known:
                self._bell.sleep(timeout, wake)
            else:
                super().wait(queues, timeout, wake)


class QuietDelay(Broken, breaks="test_a_due_time_that_came_later_wakes_a_sleeper"):
    """Does not tell a sleeper that it must get up earlier."""

    class Publisher(MemoryPublisher):
        def publish(
            self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
        ) -> None:
            if any(parcel.due for parcel in parcels):
                with quiet(self._store):
                    super().publish(parcels, deadline=deadline, limits=limits)
            else:
                super().publish(parcels, deadline=deadline, limits=limits)


class DeafSleeper(Broken, breaks="test_a_sleeper_is_woken_by_its_descriptor"):
    """Does not look at the caller's descriptor."""

    class Consumer(MemoryConsumer):
        def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
            super().wait(queues, timeout, -1)
