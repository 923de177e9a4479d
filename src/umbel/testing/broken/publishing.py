"""Stores that break what a producer is promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from ...adapters.memory.broker import ABILITIES
from ...adapters.memory.publisher import MemoryPublisher
from ...adapters.memory.store import MemoryStore
from ...exceptions import OperationalError, QueueFull
from ...message import Parcel
from .base import Broken


class TextHeads(Broken, breaks="test_a_message_arrives_as_it_was_sent"):
    """Takes a head for text."""

    class Store(MemoryStore):
        def add(self, parcels: Iterable[Parcel], now: float) -> None:
            super().add(
                [msgspec.structs.replace(p, head=p.head.decode(errors="replace").encode()) for p in parcels], now
            )


class ShortBodies(Broken, breaks="test_a_message_of_megabytes_arrives"):
    """Cuts a body after a million bytes."""

    class Store(MemoryStore):
        def add(self, parcels: Iterable[Parcel], now: float) -> None:
            super().add([msgspec.structs.replace(parcel, body=parcel.body[:1_000_000]) for parcel in parcels], now)


class IdsAsKeys(Broken, breaks="test_one_id_may_be_published_twice"):
    """Takes a third ready message of one id for a mistake."""

    class Store(MemoryStore):
        def add(self, parcels: Iterable[Parcel], now: float) -> None:
            for parcel in parcels:
                ready = [entry for entry in self.entries_of({parcel.id}) if entry.place == "ready"][:2]
                if parcel.due or len(ready) < 2:
                    super().add([parcel], now)


class OneTooMany(Broken, breaks="test_a_full_queue_refuses"):
    """Lets a queue hold one message more than it may."""

    class Publisher(MemoryPublisher):
        def _check_limits(self, parcels: Sequence[Parcel], limits: dict[str, int], now: float) -> None:
            super()._check_limits(parcels, {queue: most + 1 for queue, most in limits.items()}, now)


class HalfPublish(Broken, breaks="test_all_parcels_are_stored_or_none"):
    """Refuses those parcels only whose queue is full."""

    class Publisher(MemoryPublisher):
        def _check_limits(self, parcels: Sequence[Parcel], limits: dict[str, int], now: float) -> None:
            try:
                super()._check_limits(parcels, limits, now)
            except QueueFull:
                self._store.add([parcel for parcel in parcels if parcel.queue not in limits], now)
                raise


class LimitOnEverything(Broken, breaks="test_a_limit_is_for_ready_messages"):
    """Counts what is delayed against the limit."""

    class Publisher(MemoryPublisher):
        def _check_limits(self, parcels: Sequence[Parcel], limits: dict[str, int], now: float) -> None:
            delayed = Counter(entry.parcel.queue for entry in self._store.entries_in("delayed"))
            super()._check_limits(parcels, {queue: most - delayed[queue] for queue, most in limits.items()}, now)


class LimitOnTheStore(Broken, breaks="test_a_limit_is_for_its_queue"):
    """Counts the messages of all queues against every limit."""

    class Publisher(MemoryPublisher):
        def _check_limits(self, parcels: Sequence[Parcel], limits: dict[str, int], now: float) -> None:
            ready = Counter(entry.parcel.queue for entry in self._store.entries_in("ready"))
            others = {queue: ready.total() - ready[queue] for queue in limits}
            super()._check_limits(parcels, {queue: most - others[queue] for queue, most in limits.items()}, now)


class SlashesFolded(Broken, breaks="test_any_name_makes_a_queue"):
    """Takes a slash for an underscore."""

    class Store(MemoryStore):
        def add(self, parcels: Iterable[Parcel], now: float) -> None:
            super().add([msgspec.structs.replace(p, queue=p.queue.replace("/", "_")) for p in parcels], now)


class ThreeHundredFifty(Broken, breaks="test_many_messages_go_in_one_call"):
    """Stores no more than 350 messages of one call."""

    class Publisher(MemoryPublisher):
        def publish(
            self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
        ) -> None:
            super().publish(parcels[:350], deadline=deadline, limits=limits)


class NothingToPublish(Broken, breaks="test_an_empty_call_is_no_error"):
    """Refuses to publish nothing."""

    class Publisher(MemoryPublisher):
        def publish(
            self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
        ) -> None:
            if not parcels:
                raise OperationalError("There is nothing to publish.")
            super().publish(parcels, deadline=deadline, limits=limits)


class Silent(Broken, breaks="test_a_store_says_what_it_cannot_promise"):
    """Does not say what a loss of power costs."""

    abilities = msgspec.structs.replace(ABILITIES, power_loss="")
