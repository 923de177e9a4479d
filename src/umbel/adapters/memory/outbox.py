"""What follows joins whose messages are in another store, until it was sent (`umbel.backend.Joining`)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from ...backend import Letter
from ...message import Parcel


class Outboxes:
    """The letters of a memory store, of each outbox."""

    def __init__(self) -> None:
        self._refs = itertools.count(1)
        self._boxes: dict[str, dict[int, tuple[Parcel, float]]] = {}

    def put(self, outbox: str, parcel: Parcel, due: float) -> Letter:
        """Keep a message; it is its keeper's until then."""
        ref = next(self._refs)
        self._boxes.setdefault(outbox, {})[ref] = (parcel, due)
        return Letter(ref, parcel)

    def take(self, outbox: str, now: float, due: float) -> list[Letter]:
        """What is due now, from then on again."""
        box = self._boxes.get(outbox, {})
        found = [Letter(ref, parcel) for ref, (parcel, at) in box.items() if at <= now]
        for letter in found:
            box[letter.ref] = (letter.parcel, due)
        return found

    def drop(self, outbox: str, refs: Iterable[int]) -> None:
        """Forget these."""
        for ref in refs:
            self._boxes.get(outbox, {}).pop(ref, None)
