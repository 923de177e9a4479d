"""Revocations and broadcasts in the memory store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ... import clock
from ...broker import Broadcast, Leave, Revocation
from ...record import Record
from .bell import Bell
from .store import MemoryStore

Found = TypeVar("Found")


class MemoryControl:
    """See `umbel.broker.Control`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def revoke(
        self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
    ) -> list[str]:
        """Log them; those that wait are removed now, and their record is stored."""
        with self._store.lock:
            for revocation in revocations:
                self._store.notices.revoke(revocation)
            waiting = [e for e in self._store.entries_of({r.id for r in revocations}) if e.waits]
            waiting = [entry for entry in waiting if leave is None or not leave(entry.parcel.body)]
            for entry in waiting:
                self._store.remove(entry)
            removed = list(dict.fromkeys(entry.parcel.id for entry in waiting))
            for record in records:
                if record.id in removed:
                    self._store.results.keep(record, clock.wall())
            return removed

    def revoked(self, since: int) -> tuple[int, list[Revocation]]:
        """The log after a revision."""
        with self._store.lock:
            notices = self._store.notices
            return notices.revision, [entry for entry in notices.revocations if entry.revision > since]

    def broadcast(self, payload: bytes, expires: float) -> None:
        """Offer a request to every worker."""
        with self._store.lock:
            self._store.notices.broadcast(payload, expires)

    def broadcasts(self, after: int, timeout: float, wake: int = -1) -> list[Broadcast]:
        """Requests above a number; waits for the first."""
        return self._await(lambda: self._store.notices.heard(after, clock.wall()), timeout, wake)

    def reply(self, ticket: str, payload: bytes, expires: float) -> None:
        """Answer a request."""
        with self._store.lock:
            self._store.notices.reply(ticket, payload, expires)

    def replies(self, ticket: str, timeout: float) -> list[bytes]:
        """Take the answers that are there; waits for the first."""
        return self._await(lambda: self._store.notices.collect(ticket, clock.wall()), timeout, -1)

    def close(self) -> None:
        """Nothing to give back."""

    def _await(self, look: Callable[[], list[Found]], timeout: float, wake: int) -> list[Found]:
        """Look until there is something; a bell that rang for somebody else's notice only means looking again."""
        deadline = clock.monotonic() + timeout
        bell = Bell()
        try:
            with self._store.lock:
                self._store.notices.listeners.add(bell)
                found = look()
            rung = True
            while not found and rung:
                rung = bell.sleep(deadline - clock.monotonic(), wake)
                with self._store.lock:
                    found = look()
            return found
        finally:
            with self._store.lock:
                self._store.notices.listeners.discard(bell)
                bell.close()
