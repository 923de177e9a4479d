"""The coordinator contract: how a store lets any number of schedulers (`beat`) send each tick exactly once.

A store that can do it gives its broker one more part, which is found by looking whether it is there:

    Coordinated.coordinator(scope)      Coordinator     who leads, when each entry ran last; sends and notes in one step
    Coordinated.overrides(scope)        Overrides       what was added, changed and paused at run time

Two things keep a tick from being sent twice, and each would be enough while the other one holds:

    the term     a number that grows with every change of the leader; a step that names another one is refused as a
                 whole, so a leader that was paused and comes back sends nothing
    the mark     the nominal time of an entry's last tick; a tick names the mark that it follows, and is refused when
                 the mark has moved on, so what was sent once is never sent by anybody

No clock decides who leads, neither the store's nor a scheduler's: the leader renews its lease, which counts, and a
rival that saw the count stand still for as long as it thinks right may take over exactly that lease
(`Coordinator.lead`). Clocks that differ or jump change nothing of it.

Nominal times are whole microseconds since 1970 in UTC, so that they are compared exactly in every store.
`umbel.testing.conformance.coordinator` is the executable form of this page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol, runtime_checkable

import msgspec

from .broker import Part
from .message import Parcel

KEPT: Final = 100
"""Moments of the history that are kept of each entry, and of the changes of the leader."""

What = Literal["led", "began", "sent", "skipped", "failed", "changed"]
"""What happened: somebody took the lead, an entry was seen first, its tick was sent, left out, could not be made, or
somebody changed it (`Overrides`)."""


class Candidate(msgspec.Struct, frozen=True):
    """A scheduler that would lead.

    Attributes:
        nonce: random number of its life, above 0.
        node: its name, for people.
        entries: a digest of what it would send, so that one who waits sees that the leader sends something else.
    """

    nonce: int
    node: str
    entries: str = ""


class Lease(msgspec.Struct, frozen=True):
    """Who leads.

    Attributes:
        term: grows with every change of the leader, from 1.
        renewals: grows with every renewal.
        leader: nonce of who leads, 0 when the last one has resigned.
        node, entries: of its `Candidate`.
    """

    term: int
    renewals: int
    leader: int
    node: str
    entries: str = ""


class Mark(msgspec.Struct, frozen=True):
    """How far an entry has come.

    Attributes:
        nominal: of its last tick, sent or not; or the moment at which it was seen first.
        sent: of the last tick that was sent, 0 when there was none.
        shape: of the schedule it was reckoned by, a text; another one begins anew.
    """

    nominal: int
    sent: int = 0
    shape: str = ""


class Tick(msgspec.Struct, frozen=True):
    """One step of one entry.

    Attributes:
        entry: its name.
        before: nominal time of the mark that it follows, 0 when there is none.
        nominal: of the mark that it leaves.
        what: what happens.
        at: unix time, for the history.
        detail: a few words for the history.
        shape: of the mark that it leaves.
        parcels: what is sent with it.
    """

    entry: str
    before: int
    nominal: int
    what: What
    at: float
    detail: str = ""
    shape: str = ""
    parcels: tuple[Parcel, ...] = ()


class Moment(msgspec.Struct, frozen=True):
    """One line of the history.

    Of a change of the leader, and of an entry that was taken away for good, ``entry`` is "". ``nominal`` is 0 when it
    is not about a tick, ``term`` when it was not a leader who did it; ``node`` is who did it.
    """

    entry: str
    nominal: int
    what: What
    at: float
    detail: str
    node: str
    term: int


class Standing(msgspec.Struct, frozen=True):
    """What there is to know: the lease, None when nobody ever led, and the mark of each entry."""

    lease: Lease | None
    marks: dict[str, Mark]


class Coordinator(Part, Protocol):
    """The schedulers of one scope, the name of a schedule. Scopes of one store know nothing of each other."""

    def lead(self, candidate: Candidate, seen: Lease | None, at: float) -> Lease:
        """Take the lead, or renew it; one atomic step.

        The candidate leads from now on when it led before (a renewal: the same term), when nobody does, or when the
        lease has still the term and the renewals of ``seen`` (a new term). Otherwise nothing changes.

        Args:
            candidate: who would lead.
            seen: a lease that has stood still for too long; None: wait for a free one.
            at: unix time, for the history.

        Returns:
            the lease as it is now.
        """
        ...

    def resign(self, nonce: int) -> None:
        """The end of a leader that ends cleanly: the next candidate leads at once. Nothing when it does not lead."""
        ...

    def fire(self, term: int, ticks: Sequence[Tick], *, deadline: float = 5.0) -> bool:
        """Send the parcels of all ticks, move the marks and write the history, in one step.

        Ticks of one entry follow each other. A tick that was "sent" is what `Mark.sent` names.

        Args:
            term: of the lease under which they were reckoned.
            ticks: any number; the caller bounds it.
            deadline: seconds in all.

        Returns:
            False when nothing of it happened: the term is over, or a mark is not where a tick says.

        Raises:
            OperationalError: it did not happen, or it is not known; what is known after `look` is right.
        """
        ...

    def look(self) -> Standing:
        """What there is to know."""
        ...

    def history(self, entry: str | None = None, limit: int = KEPT) -> list[Moment]:
        """What happened lately, newest first: of one entry ("": changes of the leader), or of all."""
        ...


class Override(msgspec.Struct, frozen=True):
    """What was changed of one entry at run time.

    Attributes:
        name: of the entry.
        text: what it says; the store does not read it.
        edition: at which it was written; no two changes of a scope have the same one.
        at: unix time of it.
        by: who did it.
    """

    name: str
    text: str
    edition: int
    at: float
    by: str


class Overrides(Part, Protocol):
    """What was changed at run time in one scope. Anybody may change it, not only who leads."""

    def edition(self) -> int:
        """A number that grows with every change, 0 before the first: one cheap read, so that it can be asked often."""
        ...

    def read(self) -> list[Override]:
        """All of them, by name."""
        ...

    def change(self, name: str, text: str | None, seen: int, said: Moment, *, forget: bool = False) -> bool:
        """Write or remove one, and a line of the history, in one step.

        Args:
            name: of the entry.
            text: what it says from now on; None removes it.
            seen: edition of the one that is there, 0 when there is none.
            said: the line; `Override.at` and `Override.by` are its ``at`` and ``node``.
            forget: remove the entry's mark and history before; the next one of this name begins anew.

        Returns:
            False when nothing of it happened: somebody else has changed it since.
        """
        ...

    def note(self, said: Moment) -> None:
        """Write a line of the history."""
        ...


@runtime_checkable
class Coordinated(Protocol):
    """A broker whose store can do it."""

    def coordinator(self, scope: str) -> Coordinator: ...

    def overrides(self, scope: str) -> Overrides: ...
