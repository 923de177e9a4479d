"""A store whose fault no check looks at by itself; only a random history comes upon it."""

from __future__ import annotations

from ...adapters.memory.entry import Entry
from ...adapters.memory.store import MemoryStore
from .base import Broken


class UrgentIsLost(Broken, breaks="test_every_message_is_in_exactly_one_place"):
    """Loses a message of priority 9 that is parked."""

    class Store(MemoryStore):
        def delay(self, entry: Entry, due: float) -> None:
            if entry.owner and entry.parcel.priority == 9:
                self.remove(entry)
            else:
                super().delay(entry, due)
