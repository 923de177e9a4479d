"""One owner's way in: a turn is one statement that settles and claims, then one that reads what was claimed.

    write   INSERT INTO turn VALUES (what goes, its results, the claim)     one transaction, see triggers.sql; when a
            message is not held any more nothing of it happens, and it is repeated without that one
    read    what the claim took, with the status, in one row: refused? revision, next due, rows left
    wake    readers that wait for a result written here; after a sleep one idle consumer, when rows are left

A turn without outcomes looks before it writes, so idle consumers do not compete for the write lock; one that a byte has
woken claims at once, because nobody else was woken by that byte.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from ... import clock
from ...broker import Owner, Turn, Want
from ...exceptions import OperationalError
from ...message import Delivery
from ...outcome import Hold, Outcome, Park, Release
from . import rows, wake
from .address import Address
from .bells import ring_waiters
from .faults import Fenced
from .link import Link
from .statements import named
from .values import as_json

_ints: Final = msgspec.json.Decoder(list[int]).decode
_claims: Final = itertools.count(1)
"""Claim numbers, unique in this process and so under one owner."""

_SQL: Final = named("turn.sql")
_MOST_NOTED: Final = 100
"""Claims whose messages are noted; more are open only when somebody else settles for this owner."""

_GIVING_BACK: Final = frozenset({Release, Park})


class SqliteConsumer:
    """See `umbel.broker.Consumer`."""

    __slots__ = (
        "_address",
        "_held",
        "_idle",
        "_json",
        "_link",
        "_nonce",
        "_ringer",
        "_sleeper",
        "_sleeps_on",
        "_slept",
        "_unread",
        "_woken",
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
        self._held: dict[int, set[int]] = {}
        self._idle = False
        self._woken = False
        self._slept = True

    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        now = clock.wall()
        queues = self._queues(want.queues) if want is not None else "[]"
        if len(outcomes) == 1 and not self._unread:
            turn = self._one(outcomes[0], want, queues, now)
            if turn is not None:
                return turn
        if not outcomes and not self._unread and not (self._woken and want is not None):
            status = self._status(queues)
            if want is None or not status.enlisted or not status.claimable(now):
                self._idle = True
                return _turn(status)
        self._woken = False
        claim = None
        if want is not None and not self._unread:
            claim = (next(_claims), want.limit, queues)
        settled, fenced, rare = self._settle(outcomes, claim, now)
        if claim:
            self._unread = claim[0]
        turn = self._written(settled, rare, want, queues)
        turn.fenced = fenced
        return turn

    def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
        pairs = as_json((outcome.delivery.claim, outcome.delivery.tag) for outcome in outcomes)
        held = {position for (position,) in self._link.read(_SQL["held"], (self._nonce, pairs))}
        return [position in held for position in range(len(outcomes))]

    def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
        self._slept = True
        sleeper = self._sleep_on(queues)
        text = self._queues(tuple(queues))
        end = clock.monotonic() + timeout
        while True:
            sleeper.drain()  # before the look: a byte that comes after it ends the sleep
            due = self._work_in(text)
            left = end - clock.monotonic()
            if due <= 0 or left <= 0:
                return
            if sleeper.sleep(min(due, left), wake):
                self._woken = sleeper.drain()
                return

    def close(self) -> None:
        self._link.close()
        self._ringer.close()
        if self._sleeper is not None:
            self._sleeper.close()
            self._sleeper, self._sleeps_on = None, ()

    def _one(self, outcome: Outcome, want: Want | None, queues: str, now: float) -> Turn | None:
        """Settle a message that ends alone, and claim. When nothing is claimed, the next claim tells what else a turn
        does.

        None when it does more than end, or is not held any more: the other way asks for the reason.
        """
        claim = (next(_claims), want.limit, queues) if want is not None else None
        statement = rows.one(self._nonce, outcome, claim, now)
        if statement is None:
            return None
        try:
            changes = self._link.write(*statement)
        except Fenced:
            return None
        delivery, record = outcome.delivery, outcome.record
        self._forget({delivery.claim: {delivery.tag}})
        if claim is not None:
            self._woken = False
            self._unread = claim[0]
            return self._written([outcome], [], want, queues)
        if record is not None and changes > rows.UNWAITED:
            with contextlib.suppress(OperationalError):  # it is stored; readers also look by themselves
                ring_waiters(self._link, self._address.path, [record.id])
        return Turn([])

    def _settle(
        self, outcomes: Sequence[Outcome], claim: rows.Claim | None, now: float
    ) -> tuple[Sequence[Outcome], list[Outcome], list[Outcome]]:
        """Write the turn: all of it, without what is fenced.

        Returns what was settled, what was fenced, and of the settled those that did more than remove their message.
        """
        wanted, fenced = _once_each(outcomes)
        held = self._held
        for _ in range(5):
            if not wanted and not claim:
                return wanted, fenced, []
            written = rows.turn(self._nonce, wanted, claim, now, held)
            try:
                self._link.write(*written.statement)
            except Fenced:
                answers = self.check(wanted)
                fenced = [outcome for outcome, is_held in zip(wanted, answers, strict=True) if not is_held] + fenced
                wanted = [outcome for outcome, is_held in zip(wanted, answers, strict=True) if is_held]
                held = {}  # somebody else settles for this owner too; name each message
                continue
            self._forget(written.leaving)
            return wanted, fenced, written.rare
        raise OperationalError(f"{self._address.path}: what this owner holds changes faster than it can settle.")

    def _forget(self, leaving: Mapping[int, set[int]]) -> None:
        """Note what is left under each claim number."""
        for number, tags in leaving.items():
            left = self._held.pop(number, tags) - tags
            if left:
                self._held[number] = left
        if len(self._held) > _MOST_NOTED:
            self._held.clear()  # what is not noted is removed message by message

    def _written(self, settled: Sequence[Outcome], rare: list[Outcome], want: Want | None, queues: str) -> Turn:
        """Read what the written turn brought. It is committed: a failure must not look as if it were not, so what could
        not be read now is read by the next turn.
        """
        try:
            row = self._link.read(_SQL["turned"], (self._nonce, queues, self._unread))[0]
            status = _Status(*row[:5])
            deliveries = self._claimed(row[5:]) if row[5] else []
        except OperationalError:
            return Turn([])
        if deliveries:
            self._held[self._unread] = {delivery.tag for delivery in deliveries}
        self._unread = 0
        if status.waiters:
            with contextlib.suppress(OperationalError):  # they also look by themselves
                ring_waiters(self._link, self._address.path, [o.record.id for o in settled if o.record is not None])
        self._pass_on(rare, want, status, deliveries)
        return _turn(status, deliveries)

    def _claimed(self, taken: tuple[Any, ...]) -> list[Delivery]:
        """The messages of the claim, out of one row, or, when they have a past or are too many bytes, row by row."""
        _, queue, lowest, highest, special, packed, head, body = taken
        claim = self._unread
        if special or lowest != highest:
            return [
                Delivery(seq, claim, queue, head, body, priority, deaths, alone == 1, verdict, redelivered == 1, parked)
                for seq, queue, head, body, priority, deaths, alone, verdict, redelivered, parked in self._link.read(
                    _SQL["claimed"], (self._nonce, claim)
                )
            ]
        deliveries: list[Delivery] = []
        at = place = 0
        three = iter(_ints(packed))
        for seq, head_length, body_length in zip(three, three, three, strict=True):
            end, stop = at + head_length, place + body_length
            deliveries.append(Delivery(seq, claim, queue, head[at:end], body[place:stop], lowest))
            at, place = end, stop
        return deliveries

    def _pass_on(self, rare: list[Outcome], want: Want | None, status: _Status, deliveries: list[Delivery]) -> None:
        """Wake another consumer for what this one leaves, and those of the queues that it wrote into."""
        if want is not None and status.left:
            if self._slept:  # whatever came since then had a byte of its own, and whom that woke passes it on as well
                for position in status.left.split(","):
                    self._ringer.ring(want.queues[int(position)])
                self._slept = False
        elif want is not None and status.due and deliveries and self._idle:
            for queue in want.queues:  # it was the one that slept until the next due time; somebody else must now
                self._ringer.ring(queue)
        self._idle = not deliveries
        touched = {parcel.queue for outcome in rare for parcel in outcome.parcels}
        touched.update(member.then.parcel.queue for outcome in rare for member in outcome.members)
        touched.update(outcome.delivery.queue for outcome in rare if type(outcome) in _GIVING_BACK)
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
    waiters: int
    due: float | None
    left: str | None

    def claimable(self, now: float) -> bool:
        return self.left is not None or (self.due is not None and self.due <= now)


def _once_each(outcomes: Sequence[Outcome]) -> tuple[Sequence[Outcome], list[Outcome]]:
    """Those that are the first to settle their message, and the others: they are fenced. A hold settles nothing."""
    if len({outcome.delivery.tag for outcome in outcomes}) == len(outcomes):
        return outcomes, []
    first: list[Outcome] = []
    repeated: list[Outcome] = []
    seen: set[tuple[int, int]] = set()
    for outcome in outcomes:
        key = (outcome.delivery.claim, outcome.delivery.tag)
        (repeated if key in seen else first).append(outcome)
        if type(outcome) is not Hold:
            seen.add(key)
    return first, repeated


def _turn(status: _Status, deliveries: list[Delivery] | None = None) -> Turn:
    return Turn(
        deliveries=deliveries or [], refused=not status.enlisted, revision=status.revision, next_due=status.due or 0.0
    )
