"""What was changed of a schedule at run time, in the memory store."""

from __future__ import annotations

from ...coordinator import Moment, Override
from .scope import Scope
from .store import MemoryStore


class MemoryOverrides:
    """See `umbel.coordinator.Overrides`."""

    def __init__(self, store: MemoryStore, scope: str) -> None:
        self._store = store
        with store.lock:
            self._scope = store.scopes.setdefault(scope, Scope())

    def edition(self) -> int:
        """How many changes there were."""
        return self._scope.edition

    def read(self) -> list[Override]:
        """All of them, by name."""
        with self._store.lock:
            return [one for _, one in sorted(self._scope.overrides.items())]

    def change(self, name: str, text: str | None, seen: int, said: Moment, *, forget: bool = False) -> bool:
        """One step."""
        with self._store.lock:
            scope = self._scope
            found = scope.overrides.pop(name, None)
            if (found.edition if found else 0) != seen:
                if found:
                    scope.overrides[name] = found
                return False
            scope.edition += 1
            if text is not None:
                scope.overrides[name] = Override(name, text, scope.edition, said.at, said.node)
            if forget:
                scope.marks.pop(name, None)
                scope.moments.pop(name, None)
            scope.note(said)
            return True

    def note(self, said: Moment) -> None:
        """Write a line of the history."""
        with self._store.lock:
            self._scope.note(said)

    def close(self) -> None:
        """Nothing to give back."""
