"""What is said to all workers: the log of revocations, broadcasts, and the answers to them."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from ...broker import Broadcast, Revocation
from .bell import Bell


class Notices:
    """Logs with ascending numbers. A number is never given twice, also when its entry has been forgotten."""

    def __init__(self) -> None:
        self.revision = 0
        self.revocations: list[Revocation] = []
        self.broadcasts: list[tuple[Broadcast, float]] = []
        self.replies: defaultdict[str, list[tuple[bytes, float]]] = defaultdict(list)
        self.listeners: set[Bell] = set()
        self._number = 0

    def revoke(self, revocation: Revocation) -> None:
        self.revision += 1
        self.revocations.append(msgspec.structs.replace(revocation, revision=self.revision))

    def broadcast(self, payload: bytes, expires: float) -> None:
        self._number += 1
        self.broadcasts.append((Broadcast(self._number, payload), expires))
        self._ring()

    def heard(self, after: int, now: float) -> list[Broadcast]:
        """Broadcasts with a number above ``after`` that have not expired."""
        return [notice for notice, expires in self.broadcasts if notice.number > after and expires > now]

    def reply(self, ticket: str, payload: bytes, expires: float) -> None:
        self.replies[ticket].append((payload, expires))
        self._ring()

    def collect(self, ticket: str, now: float) -> list[bytes]:
        """Take the answers to ``ticket`` that have not expired."""
        return [payload for payload, expires in self.replies.pop(ticket, []) if expires > now]

    def tidy(self, now: float) -> int:
        """Forget what has expired; returns how many notices that were."""
        before = self._size()
        self.revocations = [entry for entry in self.revocations if not entry.expires or entry.expires > now]
        self.broadcasts = [entry for entry in self.broadcasts if entry[1] > now]
        for ticket in list(self.replies):
            self.replies[ticket] = [entry for entry in self.replies[ticket] if entry[1] > now]
            if not self.replies[ticket]:
                del self.replies[ticket]
        return before - self._size()

    def _size(self) -> int:
        return len(self.revocations) + len(self.broadcasts) + sum(map(len, self.replies.values()))

    def _ring(self) -> None:
        for bell in self.listeners:
            bell.ring()
