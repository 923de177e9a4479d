"""Outcomes: what became of one claimed message. One component, the settler, makes them durable.

    outcome   the message is then           written with it, in the same step where the store can
    -------   ---------------------------   ----------------------------------------------------
    Done      removed                       record (SUCCESS), follow-ups (callbacks)
    Fail      removed                       record (FAILURE, REVOKED), follow-ups (errbacks)
    Retry     removed                       record (RETRY), the next attempt as a parcel with a due time
    Replace   removed                       the parcels that take its place
    Release   back at its own place         -      (no counter moves)
    Park      delayed until `due`           -      (unknown task, waiting for a worker that knows it)
    Bury      in the dead letters           record (FAILURE), reason, follow-ups
    Hold      still held                    a mark: on the owner's death it is a failure, never a repeat (early ack)

An outcome whose (owner, claim number) no longer holds the message changes nothing at all: it is fenced.

An outcome may bring members of **joins** (chords). A join is known by its id, and is nothing but what its members have
said of it; where `broker.Abilities.joins` is True:

- In the step that settles the outcome each member is noted under its join and its id; of an id the first one counts.
- A member may say that there are more members than `size` (`adds`): each id is counted once, whoever says it.
- The step that notes the last one, so that there are `size` and those that were added, sends one message, once: when
  none has failed `then` of that member, with the values of all in the order of their places; else `otherwise`, with
  the value of the failed one whose place is the lowest.
- What is said of a join after that changes nothing. The store forgets a join not before `expires`.
"""

from __future__ import annotations

import msgspec

from .message import Delivery, Parcel
from .record import Record


class Splice(msgspec.Struct, gc=False):
    """A message with a hole in its body.

    Attributes:
        parcel: the message; its body is what comes before the hole.
        after: what comes behind it; None when there is no hole.
        own: whether only umbel's workers can run it: a store that others read as well keeps it from them.
    """

    parcel: Parcel
    after: bytes | None = None
    own: bool = False

    def filled(self, middle: bytes) -> Parcel:
        """The message, with this in the hole."""
        if self.after is None:
            return self.parcel
        return msgspec.structs.replace(self.parcel, body=self.parcel.body + middle + self.after)


class Member(msgspec.Struct, gc=False, kw_only=True):
    """What a member of a join brings when it has ended.

    Attributes:
        join: id of the join.
        id: its own.
        place: where its value stands among the others.
        size: how many members the join has; 0 when only the store knows (`broker.Abilities.opens`).
        failed: whether it has failed.
        value: its result, JSON; of one that has failed ``[id, what is to be said of its failure]``, JSON.
        then, otherwise: the message to send when it is the last one.
        expires: unix time until which the join is remembered; 0.0: for ever.
        adds: ids of members beyond `size` that it knows of; one that was added names itself.
    """

    join: str
    id: str
    place: int
    size: int
    failed: bool
    value: bytes
    then: Splice
    otherwise: Splice
    expires: float = 0.0
    adds: tuple[str, ...] = ()


class Outcome(msgspec.Struct, gc=False):
    """Common shape of all outcomes.

    Attributes:
        delivery: the claimed message.
        record: the state to store with it, None when nothing is stored.
        parcels: messages to send in the same step.
        later: states of tasks that would have followed this one and never will. No store needs to know of them: the
            settler stores them before it settles the outcome, and a SUCCESS that comes after all replaces them.
        members: what it brings to joins.
    """

    delivery: Delivery
    record: Record | None = None
    parcels: tuple[Parcel, ...] = ()
    later: tuple[Record, ...] = ()
    members: tuple[Member, ...] = ()


class Done(Outcome, gc=False):
    """The function returned."""


class Fail(Outcome, gc=False):
    """The function raised, was revoked, expired, or ran past its hard limit."""


class Retry(Outcome, gc=False):
    """The function asked to be run again; ``parcels`` holds the next attempt."""


class Replace(Outcome, gc=False):
    """The function put other work in its place."""


class Release(Outcome, gc=False):
    """Never started, or interrupted by a stop of the worker: back to its place, as if never claimed."""


class Park(Outcome, gc=False, kw_only=True):
    """Nobody here can run it: wait until ``due`` (unix time), then offer it again."""

    due: float


class Bury(Outcome, gc=False, kw_only=True):
    """Set aside for a person: unreadable, unknown for too long, killed three workers, or rejected.

    Attributes:
        reason: one line for the operator.
        detail: a traceback or dump, may be empty.
    """

    reason: str
    detail: str = ""


class Hold(Outcome, gc=False):
    """About to start under early acknowledgement."""
