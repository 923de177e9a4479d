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
"""

from __future__ import annotations

import msgspec

from .message import Delivery, Parcel
from .record import Record


class Outcome(msgspec.Struct, gc=False):
    """Common shape of all outcomes.

    Attributes:
        delivery: the claimed message.
        record: the state to store with it, None when nothing is stored.
        parcels: messages to send in the same step.
        later: states of tasks that would have followed this one and never will. No store needs to know of them: the
            settler stores them before it settles the outcome, and a SUCCESS that comes after all replaces them.
    """

    delivery: Delivery
    record: Record | None = None
    parcels: tuple[Parcel, ...] = ()
    later: tuple[Record, ...] = ()


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
