"""Schedulers in the memory store: one lock, and so each call is one step."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ... import clock
from ...coordinator import KEPT, Candidate, Lease, Mark, Moment, Standing, Tick
from .scope import Scope
from .store import MemoryStore


class MemoryCoordinator:
    """See `umbel.coordinator.Coordinator`."""

    def __init__(self, store: MemoryStore, scope: str) -> None:
        self._store = store
        with store.lock:
            self._scope = store.scopes.setdefault(scope, Scope())

    def lead(self, candidate: Candidate, seen: Lease | None, at: float) -> Lease:
        """Take the lead, or renew it."""
        with self._store.lock:
            scope, held = self._scope, self._scope.lease
            if held is not None and not _free(held, candidate, seen):
                return held
            again = held is not None and held.leader == candidate.nonce
            term = (held.term if held else 0) + (not again)
            renewals = (held.renewals if held else 0) + 1
            scope.lease = Lease(term, renewals, candidate.nonce, candidate.node, candidate.entries)
            if not again:
                scope.note(Moment("", 0, "led", at, "", candidate.node, term))
            return scope.lease

    def resign(self, nonce: int) -> None:
        """Give the lead back."""
        with self._store.lock:
            held = self._scope.lease
            if held is not None and held.leader == nonce:
                self._scope.lease = Lease(held.term, held.renewals, 0, held.node, held.entries)

    def fire(self, term: int, ticks: Sequence[Tick], *, deadline: float = 5.0) -> bool:
        """Look at everything first, then do all of it. Nothing here can wait, so ``deadline`` is always kept."""
        with self._store.lock:
            held = self._scope.lease
            if held is None or held.term != term or not held.leader or not self._follows(ticks):
                return False
            for tick in ticks:
                self._take(tick, held)
            return True

    def look(self) -> Standing:
        """What there is to know."""
        with self._store.lock:
            return Standing(self._scope.lease, dict(self._scope.marks))

    def history(self, entry: str | None = None, limit: int = KEPT) -> list[Moment]:
        """What happened lately, newest first."""
        with self._store.lock:
            kept = self._scope.moments
            lines = kept.values() if entry is None else [kept.get(entry, deque())]
            found = sorted((numbered for line in lines for numbered in line), key=lambda numbered: -numbered[0])
        return [moment for _, moment in found[:limit]]

    def close(self) -> None:
        """Nothing to give back."""

    def _follows(self, ticks: Sequence[Tick]) -> bool:
        """Whether each tick follows the mark that is there, or the tick before it."""
        at = {name: mark.nominal for name, mark in self._scope.marks.items()}
        for tick in ticks:
            if at.get(tick.entry, 0) != tick.before:
                return False
            at[tick.entry] = tick.nominal
        return True

    def _take(self, tick: Tick, held: Lease) -> None:
        scope = self._scope
        before = scope.marks.get(tick.entry)
        sent = tick.nominal if tick.what == "sent" else before.sent if before else 0
        scope.marks[tick.entry] = Mark(tick.nominal, sent, tick.shape)
        scope.note(Moment(tick.entry, tick.nominal, tick.what, tick.at, tick.detail, held.node, held.term))
        self._store.add(tick.parcels, clock.wall())


def _free(held: Lease, candidate: Candidate, seen: Lease | None) -> bool:
    """Whether this candidate may have the lease."""
    stood_still = seen is not None and (seen.term, seen.renewals) == (held.term, held.renewals)
    return held.leader in (0, candidate.nonce) or stood_still
