"""Stores that break the reading side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.entry import Entry
from ...adapters.memory.shelf import MemoryShelf
from ...adapters.memory.store import MemoryStore
from ...broker import Item, Place, QueueCount
from ...message import Parcel
from ...outcome import Done, Outcome
from .base import Broken


class EmptyQueuesCount(Broken, breaks="test_an_empty_store_counts_nothing"):
    """Names a queue for ever that once had a message."""

    class Store(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.used: set[str] = set()

        def add(self, parcels: Iterable[Parcel], now: float) -> None:
            super().add(parcels, now)
            self.used |= {entry.parcel.queue for entry in self.entries.values()}

    class Shelf(MemoryShelf):
        def counts(self) -> list[QueueCount]:
            found = super().counts()
            assert isinstance(self._store, EmptyQueuesCount.Store)
            empty = self._store.used - {count.queue for count in found}
            return found + [QueueCount(queue, 0, 0, 0, 0) for queue in sorted(empty)]


class DeadNotCounted(Broken, breaks="test_counts_tell_the_size_of_every_place"):
    """Counts no more than one dead letter a queue."""

    class Shelf(MemoryShelf):
        def counts(self) -> list[QueueCount]:
            return [msgspec.structs.replace(count, dead=min(count.dead, 1)) for count in super().counts()]


class OldestEver(Broken, breaks="test_a_queue_tells_since_when_it_waits"):
    """Goes by the oldest message of a queue, waiting or running."""

    class Shelf(MemoryShelf):
        @classmethod
        def _count(cls, queue: str, entries: list[Entry]) -> QueueCount:
            oldest = min(entry.stored for entry in entries)
            return msgspec.structs.replace(super()._count(queue, entries), oldest=oldest)


class AnonymousHolder(Broken, breaks="test_items_show_everything_about_a_message"):
    """Does not show who holds a message."""

    class Shelf(MemoryShelf):
        def _item(self, entry: Entry) -> Item:
            return msgspec.structs.replace(super()._item(entry), owner="")


class DueAsSent(Broken, breaks="test_a_delayed_item_shows_when_it_is_due"):
    """Does not show until when a message is parked."""

    class Shelf(MemoryShelf):
        def _item(self, entry: Entry) -> Item:
            return msgspec.structs.replace(super()._item(entry), parcel=entry.parcel)


class DeathsNotShown(Broken, breaks="test_a_listing_shows_deaths"):
    """Does not show how often a message killed its worker."""

    class Shelf(MemoryShelf):
        def _item(self, entry: Entry) -> Item:
            return msgspec.structs.replace(super()._item(entry), deaths=0)


class DelayedAreDead(Broken, breaks="test_items_are_of_one_place"):
    """Lists as dead what is delayed too."""

    class Shelf(MemoryShelf):
        def items(self, place: Place, *, queue: str | None = None, after: int = 0, limit: int = 100) -> list[Item]:
            found = super().items(place, queue=queue, after=after, limit=limit)
            return found + super().items("delayed") if place == "dead" and found else found


class OtherQueuesToo(Broken, breaks="test_items_may_be_of_one_queue"):
    """Lists all queues when there is nothing in the one that was named."""

    class Shelf(MemoryShelf):
        def items(self, place: Place, *, queue: str | None = None, after: int = 0, limit: int = 100) -> list[Item]:
            found = super().items(place, queue=queue, after=after, limit=limit)
            return found or (super().items(place, limit=limit) if not after else [])


class OldestFirst(Broken, breaks="test_items_stand_in_the_order_in_which_they_are_taken"):
    """Lists delayed messages by age."""

    class Shelf(MemoryShelf):
        @classmethod
        def _order(cls, entry: Entry) -> tuple[float, int]:
            return (0.0, entry.tag) if entry.place == "delayed" else super()._order(entry)


class DeadByAge(Broken, breaks="test_the_newest_dead_letter_is_last"):
    """Lists dead letters by their arrival."""

    class Shelf(MemoryShelf):
        @classmethod
        def _order(cls, entry: Entry) -> tuple[float, int]:
            return (0.0, entry.tag) if entry.place == "dead" else super()._order(entry)


class PagesByTag(Broken, breaks="test_items_come_in_pages"):
    """Takes the last tag of a page for a bound, although priorities mix the tags."""

    class Shelf(MemoryShelf):
        def items(self, place: Place, *, queue: str | None = None, after: int = 0, limit: int = 100) -> list[Item]:
            found = super().items(place, queue=queue, limit=1_000_000)
            return [item for item in found if item.tag > after][:limit]


class FindTwo(Broken, breaks="test_find_gives_every_message_of_a_task"):
    """Finds an attempt and the next one, and no more."""

    class Shelf(MemoryShelf):
        def find(self, task_id: str) -> list[Item]:
            return super().find(task_id)[:2]


class DeleteKeepsTheDead(Broken, breaks="test_delete_removes_by_tag"):
    """Counts a dead letter as deleted and keeps it."""

    class Shelf(MemoryShelf):
        def delete(self, place: Place, tags: Sequence[int]) -> int:
            return 1 if place == "dead" else super().delete(place, tags)


class DeleteAnywhere(Broken, breaks="test_delete_takes_only_what_is_in_that_place"):
    """Goes by the tag alone."""

    class Shelf(MemoryShelf):
        def delete(self, place: Place, tags: Sequence[int]) -> int:
            return self._remove([entry for entry in self._store.entries.values() if entry.tag in tags])


class DeletedButWelcome(Broken, breaks="test_deleting_a_leased_message_fences_its_outcome"):
    """Takes the outcome of a message that was deleted while it ran."""

    class Consumer(MemoryConsumer):
        def _settle(self, outcome: Outcome, now: float) -> bool:
            deleted = outcome.delivery.tag not in self._store.entries and len(self._store.living) == 1
            if deleted and isinstance(outcome, Done) and outcome.record and outcome.parcels:
                self._store.results.keep(outcome.record, now)
            return super()._settle(outcome, now)


class PurgeEverything(Broken, breaks="test_purge_empties_a_queue_of_what_waits"):
    """Takes what runs from its holder."""

    class Shelf(MemoryShelf):
        def purge(self, queue: str) -> int:
            return super().purge(queue) + self._remove(self._store.entries_in("leased", queue))


class ReplayAll(Broken, breaks="test_replay_puts_dead_letters_back"):
    """Loses the priority of a dead letter."""

    class Shelf(MemoryShelf):
        def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
            for entry in self._store.entries_in("dead"):
                if entry.tag in tags:
                    entry.parcel = msgspec.structs.replace(entry.parcel, priority=0)
            return super().replay(tags, body=body)


class CrimesRemembered(Broken, breaks="test_a_replayed_message_has_fresh_counters"):
    """Counts the old deaths against a replayed message."""

    class Shelf(MemoryShelf):
        def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
            deaths = {entry.tag: entry.deaths for entry in self._store.entries_in("dead")}
            replayed = super().replay(tags, body=body)
            for entry in self._store.entries_in("ready"):
                entry.deaths = deaths.get(entry.tag, entry.deaths)
            return replayed


class SameBody(Broken, breaks="test_a_dead_letter_may_be_replayed_with_another_body"):
    """Gives the same body to many."""

    class Shelf(MemoryShelf):
        def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
            return sum(super(SameBody.Shelf, self).replay([tag], body=body) for tag in tags)


class ReplayRunning(Broken, breaks="test_only_dead_letters_are_replayed"):
    """Runs a message again that is running."""

    class Shelf(MemoryShelf):
        def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
            running = [entry for entry in self._store.entries_in("leased") if entry.tag in tags]
            for entry in running:
                self._store.give_back(entry)
            return super().replay(tags, body=body) + len(running)
