"""Revocations, requests to all workers, and their replies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from ... import clock
from ...broker import Broadcast, Leave, Revocation
from ...record import Record
from .address import Address
from .bells import Bell, ring_waiters
from .link import Link
from .statements import named
from .values import as_json, inserted
from .withdrawal import STEP, withdraw

_SQL: Final = named("control.sql")
_REQUESTS: Final = "umbel:requests"
_T = TypeVar("_T")


class SqliteControl:
    """See `umbel.broker.Control`."""

    __slots__ = ("_address", "_bell", "_link")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link = Link(address)
        self._bell: Bell | None = None

    def revoke(
        self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
    ) -> list[str]:
        # Logged first: whatever the removal below misses, because it moves meanwhile, is stopped by its claimer.
        for start in range(0, len(revocations), STEP):
            step = revocations[start : start + STEP]
            log = [(each.id, int(each.terminate), each.signal, each.expires) for each in step]
            self._link.write(*inserted(_SQL["revoke"], log))
        found = self._link.read(_SQL["waiting"], (as_json(revocation.id for revocation in revocations),))
        waiting = [row[:-1] for row in found if leave is None or not leave(row[-1])]
        by_id = {record.id: record for record in records}
        removed = dict.fromkeys(task_id for _, _, task_id, *_ in withdraw(self._link, waiting, by_id))
        ring_waiters(self._link, self._address.path, [task_id for task_id in removed if task_id in by_id])
        return list(removed)

    def revoked(self, since: int) -> tuple[int, list[Revocation]]:
        log = [
            Revocation(task_id, revision, bool(terminate), signal, expires)
            for revision, task_id, terminate, signal, expires in self._link.read(_SQL["revoked"], (since,))
        ]
        newest = self._link.read(_SQL["revision"])[0][0]
        return max(newest if not log else log[-1].revision, since if not log else 0), log

    def broadcast(self, payload: bytes, expires: float) -> None:
        self._link.write(_SQL["broadcast"], (payload, expires))
        ring_waiters(self._link, self._address.path, [_REQUESTS])

    def broadcasts(self, after: int, timeout: float, wake: int = -1) -> list[Broadcast]:
        def look() -> list[Broadcast]:
            found = self._link.read(_SQL["broadcasts"], (after, clock.wall()))
            return [Broadcast(number, payload) for number, payload in found]

        return self._until(look, _REQUESTS, timeout, wake)

    def reply(self, ticket: str, payload: bytes, expires: float) -> None:
        self._link.write(_SQL["reply"], (ticket, payload, expires))
        ring_waiters(self._link, self._address.path, [_topic(ticket)])

    def replies(self, ticket: str, timeout: float) -> list[bytes]:
        def look() -> list[bytes]:
            found = self._link.read(_SQL["replies"], (ticket, clock.wall()))
            if found:
                self._link.write(_SQL["take_replies"], (as_json(seq for seq, _ in found),))
            return [payload for _, payload in found]

        return self._until(look, _topic(ticket), timeout, -1)

    def close(self) -> None:
        if self._bell is not None:
            self._bell.close()
            self._bell = None
        self._link.close()

    def _until(self, look: Callable[[], list[_T]], topic: str, timeout: float, wake: int) -> list[_T]:
        """What ``look`` finds; sleeps until it finds something, ``wake`` is readable, or time is over."""
        found = look()
        if found or timeout <= 0:
            return found
        if self._bell is None:
            self._bell = Bell(self._address, self._link)
        self._bell.add([topic])
        end = clock.monotonic() + timeout
        while True:
            found = look()
            left = end - clock.monotonic()
            if found or left <= 0 or (not self._bell.wait(left, wake) and clock.monotonic() < end):
                return found or look()


def _topic(ticket: str) -> str:
    return f"umbel:reply:{ticket}"
