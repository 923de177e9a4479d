"""Revocations, requests to all workers, and their replies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from secrets import randbits
from typing import Any, TypeVar

import msgspec

from ...broker import Broadcast, Revocation
from ...clock import monotonic, wall
from ...record import Record
from . import rows
from .address import Address
from .bells import Bell, ring_waiters
from .link import Link
from .statements import SQL

_STEP = 500
_REQUESTS = "umbel:requests"
_T = TypeVar("_T")


class SqliteControl:
    """See `umbel.broker.Control`."""

    __slots__ = ("_address", "_bell", "_link")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link = Link(address)
        self._bell: Bell | None = None

    def revoke(self, revocations: Sequence[Revocation], records: Sequence[Record] = ()) -> list[str]:
        # Logged first: whatever the removal below misses, because it moves meanwhile, is stopped by its claimer.
        for start in range(0, len(revocations), _STEP):
            self._link.write(*rows.revoke(revocations[start : start + _STEP]))
        ids = msgspec.json.encode([revocation.id for revocation in revocations]).decode()
        by_id = {record.id: record for record in records}
        removed: dict[str, None] = {}
        waiting = self._link.read(SQL["waiting"], (ids,))
        for start in range(0, len(waiting), _STEP):
            removed.update(dict.fromkeys(self._withdraw(waiting[start : start + _STEP], by_id)))
        ring_waiters(self._link, self._address.path, [task_id for task_id in removed if task_id in by_id])
        return list(removed)

    def revoked(self, since: int) -> tuple[int, list[Revocation]]:
        log = [
            Revocation(task_id, revision, bool(terminate), signal, expires)
            for revision, task_id, terminate, signal, expires in self._link.read(SQL["revoked"], (since,))
        ]
        newest = self._link.read(SQL["revision"])[0][0]
        return max(newest if not log else log[-1].revision, since if not log else 0), log

    def broadcast(self, payload: bytes, expires: float) -> None:
        self._link.write(SQL["broadcast"], (payload, expires))
        ring_waiters(self._link, self._address.path, [_REQUESTS])

    def broadcasts(self, after: int, timeout: float, wake: int = -1) -> list[Broadcast]:
        def look() -> list[Broadcast]:
            found = self._link.read(SQL["broadcasts"], (after, wall()))
            return [Broadcast(number, payload) for number, payload in found]

        return self._until(look, _REQUESTS, timeout, wake)

    def reply(self, ticket: str, payload: bytes, expires: float) -> None:
        self._link.write(SQL["reply"], (ticket, payload, expires))
        ring_waiters(self._link, self._address.path, [_topic(ticket)])

    def replies(self, ticket: str, timeout: float) -> list[bytes]:
        def look() -> list[bytes]:
            found = self._link.read(SQL["replies"], (ticket,))
            if found:
                self._link.write(SQL["take_replies"], (msgspec.json.encode([seq for seq, _ in found]).decode(),))
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
        end = monotonic() + timeout
        while True:
            found = look()
            left = end - monotonic()
            if found or left <= 0 or (not self._bell.wait(left, wake) and monotonic() < end):
                return found or look()

    def _withdraw(self, seen: Sequence[tuple[Any, ...]], records: dict[str, Record]) -> list[str]:
        """Remove these if they are still where they were seen, each with its record; which ids that were."""
        token = randbits(62)
        self._link.write(*rows.withdraw(token, seen, records))
        missed = {seq for _, seq in self._link.read(SQL["fenced"], (token,))}
        if missed:
            pairs = [(0, seq) for seq in missed]
            self._link.write(SQL["unfence"], (token, msgspec.json.encode(pairs).decode()))
        return [row[2] for row in seen if row[1] not in missed]


def _topic(ticket: str) -> str:
    return f"umbel:reply:{ticket}"
