"""One owner's way in: a turn is one statement that settles and claims, then one that reads what was claimed.

    write   INSERT INTO turn VALUES (removal) ... (claim)     one transaction, see triggers.sql
    read    the rows that the claim took, and one row of status: refused? fenced? revision, next due, rows left
    wake    readers that wait for a result written here; one idle consumer when rows are left

A turn without outcomes looks before it writes, so idle consumers do not compete for the write lock.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ...broker import Owner, Turn, Want
from ...clock import wall
from ...exceptions import OperationalError
from ...message import Delivery
from ...outcome import Outcome, Release
from . import rows, wake
from .address import Address
from .bells import ring_waiters
from .link import Link
from .statements import SQL

_claims: Final = itertools.count(1)
"""Claim numbers, unique in this process and so under one owner."""

_encode: Final = msgspec.json.Encoder().encode


class SqliteConsumer:
    """See `umbel.broker.Consumer`."""

    __slots__ = (
        "_address",
        "_idle",
        "_json",
        "_link",
        "_nonce",
        "_ringer",
        "_sleeper",
        "_sleeps_on",
        "_unread",
        "_version",
    )

    def __init__(self, address: Address, owner: Owner) -> None:
        self._address = address
        self._nonce = owner.nonce
        self._link = Link(address)
        self._ringer = wake.Ringer(address.path)
        self._sleeper: wake.Sleeper | None = None
        self._sleeps_on: frozenset[str] = frozenset()
        self._json: dict[tuple[str, ...], str] = {}
        self._unread: list[int] = []
        self._idle = False
        self._version: Any = None

    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        now = wall()
        queues = self._queues(want.queues) if want is not None else "[]"
        if not outcomes and not self._unread:
            seen = self._status(queues)
            found = _Status(*seen)
            if want is None or not found.enlisted or not found.claimable(now):
                self._idle = True
                return Turn([], [], not found.enlisted, found.revision, found.due or 0.0)
        claim = None
        if want is not None:
            claim = (next(_claims), want.limit, queues)
        if outcomes or claim:
            sql, values = rows.turn(self._nonce, outcomes, claim, now)
            self._link.write(sql, values)
        return self._after(outcomes, want, claim, queues)

    def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
        pairs = [(outcome.delivery.claim, outcome.delivery.tag) for outcome in outcomes]
        held = {row[0] for row in self._link.read(SQL["held"], (self._nonce, _encode(pairs).decode()))}
        return [position in held for position in range(len(outcomes))]

    def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
        self._sleep_on(queues).sleep(timeout, wake, self._changed)

    def close(self) -> None:
        self._link.close()
        self._ringer.close()
        if self._sleeper is not None:
            self._sleeper.close()
            self._sleeper, self._sleeps_on = None, frozenset()

    def _after(
        self, outcomes: Sequence[Outcome], want: Want | None, claim: tuple[int, int, str] | None, queues: str
    ) -> Turn:
        """Read what the written turn brought. It is committed: a failure here must not look as if it were not."""
        if claim is not None:
            self._unread.append(claim[0])
        try:
            status = _Status(*self._status(queues))
            deliveries = self._claimed()
            fenced = self._fenced(outcomes) if status.fenced else []
            if status.waiters:
                ring_waiters(self._link, self._address.path, [o.record.id for o in outcomes if o.record is not None])
        except OperationalError:
            return Turn([])
        self._pass_on(outcomes, want, status, deliveries)
        return Turn(deliveries, fenced, not status.enlisted, status.revision, status.due or 0.0)

    def _claimed(self) -> list[Delivery]:
        deliveries: list[Delivery] = []
        while self._unread:
            claim = self._unread[0]
            deliveries += [
                Delivery(seq, claim, queue, head, body, priority, deaths, alone == 1, verdict, redelivered == 1)
                for seq, queue, head, body, priority, deaths, alone, verdict, redelivered in self._link.read(
                    SQL["claimed"], (self._nonce, claim)
                )
            ]
            del self._unread[0]
        return deliveries

    def _fenced(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        missed = {(claim, seq) for claim, seq in self._link.read(SQL["fenced"], (self._nonce,))}
        dropped = [outcome for outcome in outcomes if (outcome.delivery.claim, outcome.delivery.tag) in missed]
        pairs = [(outcome.delivery.claim, outcome.delivery.tag) for outcome in dropped]
        self._link.write(SQL["unfence"], (self._nonce, _encode(pairs).decode()))
        return dropped

    def _pass_on(
        self, outcomes: Sequence[Outcome], want: Want | None, status: _Status, deliveries: list[Delivery]
    ) -> None:
        """Wake another consumer for what this one leaves, and readers and consumers of what it wrote."""
        if want is not None and status.left:
            for position in status.left.split(","):
                self._ringer.ring(want.queues[int(position)])
        elif want is not None and status.due and deliveries and self._idle:
            for queue in want.queues:  # it was the one that slept until the next due time; somebody else must now
                self._ringer.ring(queue)
        self._idle = not deliveries
        touched = {parcel.queue for outcome in outcomes for parcel in outcome.parcels}
        touched.update(outcome.delivery.queue for outcome in outcomes if type(outcome) is Release)
        for queue in touched:
            self._ringer.ring(queue)

    def _status(self, queues: str) -> tuple[Any, ...]:
        return self._link.read(SQL["status"], (self._nonce, queues))[0]

    def _queues(self, queues: tuple[str, ...]) -> str:
        text = self._json.get(queues)
        if text is None:
            if len(self._json) > 100:
                self._json.clear()
            text = self._json[queues] = _encode(queues).decode()
        return text

    def _sleep_on(self, queues: Sequence[str]) -> wake.Sleeper:
        wanted = frozenset(queues)
        if self._sleeper is None or self._sleeps_on != wanted:
            if self._sleeper is not None:
                self._sleeper.close()
            self._sleeper = wake.Sleeper([wake.queue_pipe(self._address.path, queue) for queue in sorted(wanted)])
            self._sleeps_on = wanted
        return self._sleeper

    def _changed(self) -> bool:
        """The slow look: has another process written anything since the last one?"""
        version = self._link.read("PRAGMA data_version")
        changed = version != self._version
        self._version = version
        return changed


class _Status(msgspec.Struct, gc=False):
    """The row of the statement `status`."""

    enlisted: int
    revision: int
    fenced: int
    waiters: int
    due: float | None
    left: str | None

    def claimable(self, now: float) -> bool:
        return self.left is not None or (self.due is not None and self.due <= now)
