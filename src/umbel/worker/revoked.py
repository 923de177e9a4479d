"""Revocations as one child knows them: a set in memory that follows the store's log by its revision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..broker import Revocation
from ..withdraw import STAMP, stamps_of


class Revoked:
    """What must not start (`ids`) and what must be stopped if it runs (`terminate`).

    The loop asks for the difference when a claim shows a newer revision, before anything of that claim starts; the
    keeper asks twice a second while a task runs long.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.ids: set[str] = set()
        self.terminate: dict[str, str] = {}
        self._stamps = False

    def learn(self, revision: int, entries: Iterable[Revocation]) -> None:
        """Take over a part of the log."""
        for entry in entries:
            self.ids.add(entry.id)
            self._stamps = self._stamps or entry.id.startswith(STAMP)
            if entry.terminate:
                self.terminate[entry.id] = entry.signal
        self.revision = max(self.revision, revision)

    def holds(self, task_id: str, stamps: Mapping[str, Any] | None) -> bool:
        """Whether a task with these stamps must not start."""
        if task_id in self.ids:
            return True
        return self._stamps and stamps is not None and not self.ids.isdisjoint(stamps_of(stamps))

    def stops(self, task_id: str, stamps: Mapping[str, Any] | None) -> str | None:
        """The name of the signal for a running task that is to be stopped, None for all others."""
        found = self.terminate.get(task_id)
        if found is None and self._stamps and stamps:
            found = next((self.terminate[one] for one in stamps_of(stamps) if one in self.terminate), None)
        return found
