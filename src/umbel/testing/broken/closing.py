"""Stores that do not let go, or let go of too much."""

from __future__ import annotations

import os
import weakref

from ...adapters.memory.shelf import MemoryShelf
from ...broker import QueueCount
from .base import Broken


class KeepsItsFile(Broken, breaks="test_a_closed_part_holds_nothing_open"):
    """A shelf that opens a file at its first look and closes nothing."""

    class Shelf(MemoryShelf):
        _file = -1

        def counts(self) -> list[QueueCount]:
            if self._file < 0:
                self._file = os.open(os.devnull, os.O_RDONLY)
                weakref.finalize(self, os.close, self._file)
            return super().counts()


class ClosesTheStore(Broken, breaks="test_closing_one_part_is_nothing_to_another"):
    """With the first shelf that is closed everything in the store is gone."""

    class Shelf(MemoryShelf):
        def close(self) -> None:
            for entry in list(self._store.entries.values()):
                self._store.remove(entry)
