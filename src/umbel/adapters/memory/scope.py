"""What the schedulers of one scope share in the memory store."""

from __future__ import annotations

import itertools
from collections import deque

from ...coordinator import KEPT, Lease, Mark, Moment, Override


class Scope:
    """One schedule: its lease, marks, history, and what was changed at run time."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.marks: dict[str, Mark] = {}
        self.moments: dict[str, deque[tuple[int, Moment]]] = {}
        self.overrides: dict[str, Override] = {}
        self.edition = 0
        self._numbers = itertools.count()

    def note(self, moment: Moment) -> None:
        """Keep a moment."""
        self.moments.setdefault(moment.entry, deque(maxlen=KEPT)).append((next(self._numbers), moment))
