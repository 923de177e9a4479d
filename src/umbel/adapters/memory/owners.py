"""Liveness in the memory store: who lives, and what becomes of the work of those who died.

Nothing here measures time: an owner lives until it retires, is reported dead, or is killed by a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ... import clock
from ...broker import Death, Owner
from .entry import Entry
from .store import MemoryStore

UNREPORTED: Final = "the worker's process died and nobody saw how"
ROWS_A_STEP: Final = 1000


class MemoryOwners:
    """See `umbel.broker.Owners`."""

    def __init__(self, store: MemoryStore, poison_limit: int = 3) -> None:
        self._store = store
        self._poison_limit = poison_limit

    def enlist(self, owner: Owner) -> None:
        """It lives from now on."""
        with self._store.lock:
            self._store.living[owner.nonce] = owner

    def retire(self, nonce: int) -> None:
        """A clean end: what it still holds is as if it had never been claimed."""
        with self._store.lock:
            self._end(nonce)
            for entry in self._store.held_by(nonce):
                self._store.give_back(entry)

    def rescue(self, deaths: Sequence[Death] = ()) -> int:
        """Take back the work of the reported dead, then of those that are found dead."""
        with self._store.lock:
            rescued = sum(self._take_back_reported(death) for death in deaths)
            return rescued + sum(self._take_back_unreported(nonce) for nonce in list(self._store.killed))

    def roll(self) -> list[Owner]:
        """Everybody who is alive now."""
        with self._store.lock:
            return list(self._store.living.values())

    def tidy(self, limits: dict[str, float]) -> int:
        """Remove what has expired or is too much, at most a thousand messages and a thousand results a step."""
        with self._store.lock:
            now = clock.wall()
            ids = self._store.results.surplus(now, int(limits.get("result_count", 0)))[:ROWS_A_STEP]
            self._store.results.forget(ids)
            dead = self._surplus_dead(now, limits)[:ROWS_A_STEP]
            for entry in dead:
                self._store.remove(entry)
            return len(ids) + len(dead) + self._store.notices.tidy(now) + self._store.joins.tidy(now)

    def close(self) -> None:
        """Nothing to give back."""

    def _end(self, nonce: int) -> None:
        self._store.living.pop(nonce, None)
        self._store.killed.pop(nonce, None)

    def _take_back_reported(self, death: Death) -> int:
        """Its supervisor knows which functions were running."""
        self._end(death.owner)
        entries = self._store.held_by(death.owner)
        for entry in entries:
            if death.counts and entry.tag in death.started:
                self._count_death(entry, death.cause)
            self._take_back(entry, death.cause, death.verdicts.get(entry.tag, ""))
        return len(entries)

    def _take_back_unreported(self, nonce: int) -> int:
        """Nobody knows what was running: each is suspected until it was tried alone."""
        self._end(nonce)
        entries = self._store.held_by(nonce)
        for entry in entries:
            if entry.alone:
                self._count_death(entry, UNREPORTED)
            entry.alone = True
            self._take_back(entry, UNREPORTED)
        return len(entries)

    def _count_death(self, entry: Entry, cause: str) -> None:
        entry.deaths += 1
        if entry.deaths >= self._poison_limit:
            entry.verdict = f"WorkerLostError:{cause}"

    def _take_back(self, entry: Entry, cause: str, verdict: str = "") -> None:
        if entry.held:
            entry.verdict = f"WorkerLostError:{cause}"
        if verdict:
            entry.verdict = verdict
        entry.redelivered = True
        self._store.give_back(entry)

    def _surplus_dead(self, now: float, limits: dict[str, float]) -> list[Entry]:
        """Dead letters past their age, and the oldest ones above the number that may stay."""
        dead = sorted(self._store.entries_in("dead"), key=lambda entry: entry.died)
        age, most = limits.get("dead_age", 0), int(limits.get("dead_count", 0))
        too_many = max(0, len(dead) - most) if most else 0
        return [entry for position, entry in enumerate(dead) if position < too_many or (age and entry.died < now - age)]
