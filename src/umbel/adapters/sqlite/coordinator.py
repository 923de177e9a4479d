"""Schedulers over the file: ticks, marks, history and messages are rows of one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ... import clock
from ...coordinator import KEPT, Candidate, Lease, Mark, Moment, Standing, Tick
from .address import Address
from .faults import Deposed
from .link import Link
from .statements import named
from .values import padded
from .wake import Ringer

_SQL: Final = named("coordinator.sql")
_TICK: Final = 1
_MESSAGE: Final = 2


class SqliteCoordinator:
    """See `umbel.coordinator.Coordinator`."""

    __slots__ = ("_link", "_ringer", "_scope")

    def __init__(self, address: Address, scope: str) -> None:
        self._link = Link(address)
        self._ringer = Ringer(address.path)
        self._scope = scope

    def lead(self, candidate: Candidate, seen: Lease | None, at: float) -> Lease:
        """One statement, when there is a reason to believe that it changes something: those who wait write nothing."""
        held = self._lease()
        if held is None or held.leader in (0, candidate.nonce) or _same(held, seen):
            term, renewals = (seen.term, seen.renewals) if seen is not None else (0, 0)
            values = (self._scope, candidate.nonce, candidate.node, candidate.entries, at, term, renewals)
            self._link.write(_SQL["lead"], values)
            held = self._lease()
        assert held is not None
        return held

    def resign(self, nonce: int) -> None:
        """Nothing when it does not lead."""
        self._link.write(_SQL["resign"], (self._scope, nonce))

    def fire(self, term: int, ticks: Sequence[Tick], *, deadline: float = 5.0) -> bool:
        """All rows are one statement, which undoes itself."""
        now = clock.wall()
        rows: list[tuple[Any, ...]] = []
        for tick in ticks:
            rows.append(
                (
                    _TICK, self._scope, term, tick.entry, tick.before, tick.nominal, tick.what, tick.at, tick.detail,
                    tick.shape, *(None,) * 7,
                )
            )  # fmt: skip
            rows += [
                (
                    _MESSAGE, *(None,) * 6, now, None, None, parcel.queue, parcel.priority, parcel.id, parcel.name,
                    parcel.due, parcel.head, parcel.body,
                )
                for parcel in tick.parcels
            ]  # fmt: skip
        if not rows:
            return True
        try:
            self._link.write(*padded(_SQL["fire"], rows), deadline)
        except Deposed:
            return False
        for queue in {parcel.queue for tick in ticks for parcel in tick.parcels}:
            self._ringer.ring(queue)
        return True

    def look(self) -> Standing:
        """In one read, so that both are of one moment."""
        rows = self._link.read(_SQL["standing"], (self._scope,))
        lease = Lease(*rows[0][:5]) if rows[0][0] is not None else None
        return Standing(lease, {row[5]: Mark(*row[6:]) for row in rows if row[5] is not None})

    def history(self, entry: str | None = None, limit: int = KEPT) -> list[Moment]:
        """Newest first."""
        if entry is None:
            rows = self._link.read(_SQL["moments"], (self._scope, limit))
        else:
            rows = self._link.read(_SQL["moments_of"], (self._scope, entry, limit))
        return [Moment(*row) for row in rows]

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()
        self._ringer.close()

    def _lease(self) -> Lease | None:
        rows = self._link.read(_SQL["lease"], (self._scope,))
        return Lease(*rows[0]) if rows else None


def _same(held: Lease, seen: Lease | None) -> bool:
    return seen is not None and (held.term, held.renewals) == (seen.term, seen.renewals)
