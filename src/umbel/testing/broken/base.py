"""What a broken store is."""

from __future__ import annotations

from typing import ClassVar

from ...adapters.memory.backend import MemoryBackend, MemoryWatch
from ...adapters.memory.broker import ABILITIES, MemoryBroker
from ...adapters.memory.consumer import MemoryConsumer
from ...adapters.memory.control import MemoryControl
from ...adapters.memory.joins import Joins as MemoryJoins
from ...adapters.memory.lines import Lines as MemoryLines
from ...adapters.memory.notices import Notices as MemoryNotices
from ...adapters.memory.outbox import Outboxes as MemoryOutboxes
from ...adapters.memory.owners import MemoryOwners
from ...adapters.memory.publisher import MemoryPublisher
from ...adapters.memory.results import Results as MemoryResults
from ...adapters.memory.shelf import MemoryShelf
from ...adapters.memory.store import MemoryStore
from ...broker import Abilities, Owner

BROKEN: list[type[Broken]] = []


class Broken:
    """The memory store; a subclass replaces one of its parts by one with a fault.

    Args:
        breaks: name of the one check that must fail on it.
    """

    breaks: ClassVar[str]
    abilities: Abilities = ABILITIES
    Store: type[MemoryStore] = MemoryStore
    Joins: type[MemoryJoins] = MemoryJoins
    Lines: type[MemoryLines] = MemoryLines
    Results: type[MemoryResults] = MemoryResults
    Notices: type[MemoryNotices] = MemoryNotices
    Outboxes: type[MemoryOutboxes] = MemoryOutboxes
    Publisher: type[MemoryPublisher] = MemoryPublisher
    Consumer: type[MemoryConsumer] = MemoryConsumer
    Owners: type[MemoryOwners] = MemoryOwners
    Control: type[MemoryControl] = MemoryControl
    Shelf: type[MemoryShelf] = MemoryShelf
    Backend: type[MemoryBackend] = MemoryBackend
    Watch: type[MemoryWatch] = MemoryWatch

    def __init_subclass__(cls, *, breaks: str) -> None:
        cls.breaks = breaks
        BROKEN.append(cls)


class BrokenBroker(MemoryBroker):
    """Hands out the parts of a broken store."""

    def __init__(self, store: MemoryStore, parts: type[Broken]) -> None:
        super().__init__(store)
        self._parts = parts

    @property
    def abilities(self) -> Abilities:
        return self._parts.abilities

    def publisher(self) -> MemoryPublisher:
        return self._parts.Publisher(self.store)

    def consumer(self, owner: Owner) -> MemoryConsumer:
        return self._parts.Consumer(self.store, owner)

    def owners(self) -> MemoryOwners:
        return self._parts.Owners(self.store)

    def control(self) -> MemoryControl:
        return self._parts.Control(self.store)

    def shelf(self) -> MemoryShelf:
        return self._parts.Shelf(self.store)


class BrokenLab:
    """A fresh broken store for one check (see `umbel.testing.conformance.lab`).

    Args:
        parts: the broken store.
        patience: as in the contract of a lab; short, because a check that fails waits for as long as that.
    """

    def __init__(self, parts: type[Broken], patience: float = 0.1) -> None:
        self.patience = patience
        self.histories = 500
        self.many = 400
        self._parts = parts
        self._store = parts.Store()
        self._store.joins = parts.Joins()
        self._store.lines = parts.Lines()
        self._store.results = parts.Results()
        self._store.notices = parts.Notices()
        self._store.outboxes = parts.Outboxes()

    def broker(self) -> BrokenBroker:
        return BrokenBroker(self._store, self._parts)

    def backend(self) -> MemoryBackend:
        return self._parts.Backend(self._store, self._parts.Watch)

    def enlist(self, owner: Owner) -> None:
        self.broker().owners().enlist(owner)

    def kill(self, owner: Owner) -> None:
        self._store.kill(owner.nonce)

    def fresh(self) -> BrokenLab:
        return BrokenLab(self._parts, self.patience)

    def close(self) -> None:
        """Nothing is left of it."""
