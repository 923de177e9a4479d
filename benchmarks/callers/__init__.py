"""The client's side of each contestant: call one, call many, call later, read the results that are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class Caller(Protocol):
    """What the client asks of a contestant, through its public API."""

    def one(self, kind: str, number: int) -> str:
        """Call one task as a user would; returns its id."""
        ...

    def many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        """Call many by the fastest way that the contestant documents; returns their ids in order."""
        ...

    def later(self, kind: str, numbers: Iterable[int], seconds: float) -> list[str]:
        """Call many that are due in so many seconds."""
        ...

    def results(self, ids: Sequence[str]) -> dict[str, Any]:
        """Values of those that have ended; a failed one has its error's text as value."""
        ...
