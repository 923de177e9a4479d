"""The memory store: what the parts of `memory://` share, and every move of a message between its places.

One lock guards everything. The parts (publisher, consumer, owners, control, shelf, backend) take it once a call, so
each call is one atomic step; the methods here expect that it is held.

    add --> ready --claim--> leased --remove--> gone
        \\-> delayed --(due)--> ready      |--give_back--> ready
                                          |--delay------> delayed
                                          \\--bury-------> dead
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from ...broker import Owner, Place
from ...claims import State
from ...message import Parcel
from ...monitor import News
from .bell import Bell
from .entry import Entry
from .joins import Joins
from .lines import Lines
from .notices import Notices
from .outbox import Outboxes
from .results import Results
from .scope import Scope


class Listener(Protocol):
    """Who listens to events."""

    def take(self, news: Sequence[News]) -> bool: ...


class MemoryStore:
    """Everything of one `memory://` name. Lives as long as the process, or until `discard_store`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.entries: dict[int, Entry] = {}
        self.lines = Lines()
        self.results = Results()
        self.joins = Joins()
        self.outboxes = Outboxes()
        self.notices = Notices()
        self.audience: set[Listener] = set()
        self.scopes: dict[str, Scope] = {}
        self.paces: dict[str, tuple[float, float]] = {}  # task name -> its line and its start (`pacing`)
        self.claims: dict[str, tuple[State, int, str, float]] = {}  # name -> see `claims`
        self.claimants: set[int] = set()
        self.living: dict[int, Owner] = {}
        self.killed: dict[int, Owner] = {}  # died without a word; `rescue` has not looked yet
        self.sleepers: dict[Bell, frozenset[str]] = {}
        self._tags = itertools.count(1)
        self._claims = itertools.count(1)

    # owners

    def kill(self, nonce: int) -> None:
        """For tests: this owner is dead from now on, as if its process had been killed and nobody had seen it."""
        with self.lock:
            owner = self.living.pop(nonce, None)
            if owner is not None:
                self.killed[nonce] = owner

    def node(self, nonce: int) -> str:
        """Node name of an owner, "" when nobody of that nonce is known."""
        owner = self.living.get(nonce) or self.killed.get(nonce)
        return owner.node if owner else ""

    # moves

    def add(self, parcels: Iterable[Parcel], now: float) -> None:
        """Store new messages, ready or delayed."""
        for parcel in parcels:
            entry = Entry(next(self._tags), parcel, stored=now)
            self.entries[entry.tag] = entry
            if parcel.due > now:
                self.delay(entry, parcel.due)
            else:
                self._offer(entry)

    def claim(self, entry: Entry, nonce: int) -> None:
        """Give the head of a line to an owner, under a new claim number."""
        self.lines.leave(entry)
        entry.place, entry.owner, entry.claim = "leased", nonce, next(self._claims)

    def give_back(self, entry: Entry) -> None:
        """From its holder to its own place in the line."""
        entry.owner, entry.held = 0, False
        self._offer(entry)

    def delay(self, entry: Entry, due: float) -> None:
        """Nobody may claim it before ``due``."""
        entry.owner, entry.held = 0, False
        entry.place, entry.due = "delayed", due
        self.lines.join(entry)
        self.ring(entry.parcel.queue)  # a sleeper may have to get up earlier than it planned

    def bury(self, entry: Entry, reason: str, detail: str, now: float) -> None:
        """To the dead letters."""
        entry.owner, entry.held = 0, False
        entry.place, entry.reason, entry.detail, entry.died = "dead", reason, detail, now

    def remove(self, entry: Entry) -> None:
        """Out of the store."""
        del self.entries[entry.tag]
        entry.gone = True

    def _offer(self, entry: Entry) -> None:
        entry.place = "ready"
        self.lines.join(entry)
        self.ring(entry.parcel.queue)

    # looking

    def held_by(self, nonce: int) -> list[Entry]:
        """What an owner holds, in order of age."""
        return [entry for entry in self.entries.values() if entry.place == "leased" and entry.owner == nonce]

    def entries_in(self, place: Place, queue: str | None = None) -> list[Entry]:
        """The messages of one place in order of age, of one queue or of all."""
        return [e for e in self.entries.values() if e.place == place and queue in (None, e.parcel.queue)]

    def entries_of(self, ids: Collection[str]) -> list[Entry]:
        """The messages of these task ids in order of age."""
        return [entry for entry in self.entries.values() if entry.parcel.id in ids]

    # sleepers

    def ring(self, queue: str) -> None:
        """Wake the consumers that wait for this queue."""
        for bell, queues in self.sleepers.items():
            if queue in queues:
                bell.ring()

    def nudge(self) -> None:
        """For tests: wake everybody who sleeps in this store, because the clock was moved."""
        with self.lock:
            for bell in (*self.sleepers, *self.results.watchers, *self.notices.listeners):
                bell.ring()
