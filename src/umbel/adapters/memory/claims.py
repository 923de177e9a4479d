"""Claims in the memory store: each call is one step under one lock. An owner lives until somebody says that he died."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ... import clock
from ...claims import HELD, Answer, Claim, End, State
from .store import MemoryStore

NOTHING: Final[tuple[State, int, str, float]] = ("", 0, "", 0.0)


class MemoryClaims:
    """See `umbel.claims.Claims`. A row is (state, owner, token, unix time at which it is forgotten)."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def claim(self, owner: int, claims: Sequence[Claim]) -> list[Answer]:
        """Take what can be taken."""
        with self._store.lock:
            self._store.claimants.add(owner)
            return [self._take(owner, claim) for claim in claims]

    def settle(self, owner: int, ends: Sequence[tuple[Claim, End]], kept: float) -> None:
        """Say what became of claims."""
        with self._store.lock:
            rows, now = self._store.claims, clock.wall()
            for name in [name for name, row in rows.items() if row[3] <= now]:
                del rows[name]
            for claim, end in ends:
                if rows.get(claim.name, NOTHING)[1:3] != (owner, claim.token):
                    continue
                if end == "gone":
                    del rows[claim.name]
                else:
                    rows[claim.name] = (end, 0, "", now + kept)

    def vouch(self, living: Sequence[int], dead: Sequence[int] = ()) -> None:
        """Say who lives and who has died."""
        with self._store.lock:
            self._store.claimants.update(living)
            self._store.claimants.difference_update(dead)

    def look(self, names: Sequence[str], owner: int = 0) -> list[State]:
        """What is known of these names."""
        with self._store.lock:
            return [self._state(name, owner) for name in names]

    def close(self) -> None:
        """Nothing to give back."""

    def _take(self, owner: int, claim: Claim) -> Answer:
        rows = self._store.claims
        state, holder, token, _ = rows.get(claim.name, NOTHING)
        known = self._state(claim.name, 0)
        if known in ("ended", "passed"):
            return "ended"
        if known == "held" and (holder, token) != (owner, claim.token):
            return "held"
        rows[claim.name] = ("held", owner, claim.token, clock.wall() + HELD)
        return "again" if known and state else "mine"

    def _state(self, name: str, owner: int) -> State:
        state, holder, _, until = self._store.claims.get(name, NOTHING)
        if until <= clock.wall():
            return ""
        if state != "held":
            return state
        held = holder == owner if owner else holder in self._store.claimants
        return "held" if held else "loose"
