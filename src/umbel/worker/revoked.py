"""Revocations as one child knows them: a set in memory that follows the store's log by its revision."""

from __future__ import annotations

from collections.abc import Iterable

from ..broker import Revocation


class Revoked:
    """What must not start (`ids`) and what must be stopped if it runs (`terminate`).

    The loop asks for the difference when a claim shows a newer revision, before anything of that claim starts; the
    keeper asks twice a second while a task runs long.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.ids: set[str] = set()
        self.terminate: dict[str, str] = {}

    def learn(self, revision: int, entries: Iterable[Revocation]) -> None:
        """Take over a part of the log."""
        for entry in entries:
            self.ids.add(entry.id)
            if entry.terminate:
                self.terminate[entry.id] = entry.signal
        self.revision = max(self.revision, revision)
