"""Claims over Redis: a batch is one script, in the server's time; owners live by their word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from ...claims import DOUBT, HELD, LEASE, Answer, Claim, End, State
from .layout import Layout
from .link import Link
from .wire import Word

_STEP: Final = 500
"""Names of one script; so many hold the server for less than a millisecond."""

_WORD: Final = 1.5
"""Seconds of a call that says who lives: who says it has other things to watch."""

_LEASE: Final = int(LEASE * 1000)


class RedisClaims:
    """See `umbel.claims.Claims`."""

    def __init__(self, link: Link, layout: Layout) -> None:
        self._link = link
        self._keys = (layout.prefix,)

    def claim(self, owner: int, claims: Sequence[Claim]) -> list[Answer]:
        """Repeated when its answer was lost: what it took under these tokens is taken again."""
        answers: list[Answer] = []
        for start in range(0, len(claims), _STEP):
            words: list[Word] = [owner, _LEASE, int(DOUBT * 1000), int(HELD * 1000)]
            for claim in claims[start : start + _STEP]:
                words += (claim.name, claim.token)
            said: list[bytes] = self._link.script("claim", self._keys, words, idempotent=True)
            answers.extend(cast("Answer", word.decode()) for word in said)
        return answers

    def settle(self, owner: int, ends: Sequence[tuple[Claim, End]], kept: float) -> None:
        """Repeated when its answer was lost: what is settled is not this owner's any more."""
        for start in range(0, len(ends), _STEP):
            words: list[Word] = [owner, max(1, int(kept * 1000))]
            for claim, end in ends[start : start + _STEP]:
                words += (claim.name, claim.token, end)
            self._link.script("settle_claims", self._keys, words, idempotent=True)

    def vouch(self, living: Sequence[int], dead: Sequence[int] = ()) -> None:
        """Prolong the leases of the living, and end those of the dead."""
        words: list[Word] = [_LEASE, len(living), *living, *dead]
        self._link.script("vouch", self._keys, words, _WORD, idempotent=True)

    def look(self, names: Sequence[str], owner: int = 0) -> list[State]:
        """What stands there, and whether who has it lives."""
        said = self._link.script("look_claims", self._keys, (owner, int(DOUBT * 1000), *names), idempotent=True)
        return [cast("State", word.decode()) for word in said]

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()
