"""One owner's way in: a turn is one statement that settles and claims, then one that reads what was claimed.

    write   INSERT INTO turn VALUES (removal) ... (claim)     one transaction, see triggers.sql
    read    the rows that the claim took, and one row of status: refused? fenced? revision, next due, rows left
    wake    readers that wait for a result written here; one idle consumer when rows are left

A turn without outcomes looks before it writes, so idle consumers do not compete for the write lock.
"""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ... import clock
from ...broker import Owner, Turn, Want
from ...exceptions import OperationalError
from ...message import Delivery
from ...outcome import Outcome, Park, Release
from . import rows, wake
from .address import Address
from .bells import ring_waiters
from .link import Link
from .statements import named
from .values import as_json

_ints: Final = msgspec.json.Decoder(list[int]).decode
_claims: Final = itertools.count(1)
"""Claim numbers, unique in this process and so under one owner."""

_SQL: Final = named("turn.sql")
_GIVING_BACK: Final = frozenset({Release, Park})


class SqliteConsumer:
    """See `umbel.broker.Consumer`."""

    __slots__ = (
        "_address",
        "_doubtful",
        "_idle",
        "_json",
        "_link",
        "_nonce",
        "_ringer",
        "_sleeper",
        "_sleeps_on",
        "_unread",
    )

    def __init__(self, address: Address, owner: Owner) -> None:
        self._address = address
        self._nonce = owner.nonce
        self._link = Link(address)
        self._ringer = wake.Ringer(address.path)
        self._sleeper: wake.Sleeper | None = None
        self._sleeps_on: tuple[str, ...] = ()
        self._json: dict[tuple[str, ...], str] = {}
        self._unread = 0
        self._doubtful: list[Outcome] = []
        self._idle = False

    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        now = clock.wall()
        queues = self._queues(want.queues) if want is not None else "[]"
        if not outcomes and not self._unread:
            status = self._status(queues)
            if want is None or not status.enlisted or not status.claimable(now):
                self._idle = True
                return _turn(status)
        claim = None
        if want is not None and not self._unread:
            claim = (next(_claims), want.limit, queues)
        if outcomes or claim:
            self._link.write(*rows.turn(self._nonce, outcomes, claim, now))
        if claim:
            self._unread = claim[0]
        return self._written(outcomes, want, queues)

    def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
        pairs = as_json((outcome.delivery.claim, outcome.delivery.tag) for outcome in outcomes)
        held = {position for (position,) in self._link.read(_SQL["held"], (self._nonce, pairs))}
        return [position in held for position in range(len(outcomes))]

    def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
        sleeper = self._sleep_on(queues)
        text = self._queues(tuple(queues))
        end = clock.monotonic() + timeout
        while True:
            sleeper.drain()  # before the look: a byte that comes after it ends the sleep
            due = self._work_in(text)
            left = end - clock.monotonic()
            if due <= 0 or left <= 0 or sleeper.sleep(min(due, left), wake):
                return

    def close(self) -> None:
        self._link.close()
        self._ringer.close()
        if self._sleeper is not None:
            self._sleeper.close()
            self._sleeper, self._sleeps_on = None, ()

    def _written(self, outcomes: Sequence[Outcome], want: Want | None, queues: str) -> Turn:
        """Read what the written turn brought. It is committed: a failure must not look as if it were not, so what could
        not be read now is read by the next turn.
        """
        settled = [*self._doubtful, *outcomes]
        try:
            row = self._link.read(_SQL["turned"], (self._nonce, queues, self._unread))[0]
            status = _Status(*row[:6])
            deliveries = self._claimed(row[6:]) if row[6] else []
            self._unread = 0
        except OperationalError:
            self._doubtful = settled
            return Turn([])
        turn = _turn(status, deliveries)
        try:
            turn.fenced = self._fenced(settled) if status.fenced else []
            self._doubtful = []
            if status.waiters:
                ring_waiters(self._link, self._address.path, [o.record.id for o in outcomes if o.record is not None])
        except OperationalError:
            self._doubtful = settled
        self._pass_on(outcomes, want, status, deliveries)
        return turn

    def _claimed(self, taken: tuple[Any, ...]) -> list[Delivery]:
        """The messages of the claim, out of one row, or, when they have a past or are too many bytes, row by row."""
        count, queue, lowest, highest, special, seqs, heads, bodies, head, body = taken
        claim = self._unread
        if special or lowest != highest:
            return [
                Delivery(seq, claim, queue, head, body, priority, deaths, alone == 1, verdict, redelivered == 1, parked)
                for seq, queue, head, body, priority, deaths, alone, verdict, redelivered, parked in self._link.read(
                    _SQL["claimed"], (self._nonce, claim)
                )
            ]
        if count == 1:
            return [Delivery(_ints(seqs)[0], claim, queue, head, body, lowest)]
        deliveries: list[Delivery] = []
        at = place = 0
        for seq, head_length, body_length in zip(_ints(seqs), _ints(heads), _ints(bodies), strict=True):
            end, stop = at + head_length, place + body_length
            deliveries.append(Delivery(seq, claim, queue, head[at:end], body[place:stop], lowest))
            at, place = end, stop
        return deliveries

    def _fenced(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Which of these changed nothing: of several for one message the last ones."""
        missed = Counter(self._link.read(_SQL["fenced"], (self._nonce,)))
        dropped: list[Outcome] = []
        for outcome in reversed(outcomes):
            key = (outcome.delivery.claim, outcome.delivery.tag)
            if missed[key]:
                missed[key] -= 1
                dropped.append(outcome)
        pairs = as_json((outcome.delivery.claim, outcome.delivery.tag) for outcome in dropped)
        self._link.write(_SQL["unfence"], (self._nonce, pairs))
        return dropped[::-1]

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
        touched.update(outcome.delivery.queue for outcome in outcomes if type(outcome) in _GIVING_BACK)
        for queue in touched:
            self._ringer.ring(queue)

    def _status(self, queues: str) -> _Status:
        return _Status(*self._link.read(_SQL["status"], (self._nonce, queues))[0])

    def _queues(self, queues: tuple[str, ...]) -> str:
        text = self._json.get(queues)
        if text is None:
            if len(self._json) > 100:
                self._json.clear()
            text = self._json[queues] = as_json(queues)
        return text

    def _sleep_on(self, queues: Sequence[str]) -> wake.Sleeper:
        wanted = tuple(queues)
        if self._sleeper is None or self._sleeps_on != wanted or self._sleeper.pid != os.getpid():
            if self._sleeper is not None:
                self._sleeper.close()
            self._sleeper = wake.Sleeper([wake.queue_pipe(self._address.path, queue) for queue in sorted(set(wanted))])
            self._sleeps_on = wanted
        return self._sleeper

    def _work_in(self, queues: str) -> float:
        """Seconds until something is claimable there; 0.0 or less: now."""
        try:
            left, due = self._link.read(_SQL["look"], (queues,))[0]
        except OperationalError:
            return math.inf  # it will be looked at again, and the next turn says what is wrong
        if left:
            return 0.0
        return math.inf if due is None else due - clock.wall()


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


def _turn(status: _Status, deliveries: list[Delivery] | None = None) -> Turn:
    return Turn(
        deliveries=deliveries or [], refused=not status.enlisted, revision=status.revision, next_due=status.due or 0.0
    )
