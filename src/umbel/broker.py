"""The broker contract: where messages wait, and who holds which of them.

A broker is opened from a URL by `loading` and hands out parts; each part owns its own connection until its `close`, is
used by one thread only and is never carried over a fork. Every call has a deadline (`Abilities` names what a store
cannot promise); failures are `OperationalError`s (`exceptions.py`) that say what to do.

    Broker.publisher()        Publisher   producers: `delay()`
    Broker.consumer(owner)    Consumer    one child of a worker: claim and settle in one step, wait for work
    Broker.owners()           Owners      liveness: who is alive, whose work is to be taken back
    Broker.control()          Control     revocations (a log with a revision) and broadcasts to workers
    Broker.shelf()            Shelf       reading side: list, peek, delete, replay

The states of a message in a store; it is in exactly one of them at every moment:

    publish --> ready <----------- Release, rescue ----------+
       \\--> delayed --(due)--> ready --(claim)--> leased ----+--(Done Fail Retry Replace)--> gone
               ^----------------- Park --------------/   \\---(Bury)--> dead --(replay)--> ready

`umbel.testing.conformance.broker` is the executable form of this page; every store passes it, ours and strangers'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from .abilities import Abilities, Place
from .message import Delivery, Parcel
from .outcome import Outcome
from .record import Record

__all__ = [
    "Abilities",
    "Broadcast",
    "Broker",
    "Consumer",
    "Control",
    "Death",
    "Item",
    "Owner",
    "Owners",
    "Part",
    "Place",
    "Publisher",
    "QueueCount",
    "Revocation",
    "Shelf",
    "Turn",
    "Want",
]


class Owner(msgspec.Struct, frozen=True):
    """One child's life: (node name, nonce). Never reused; once declared dead it stays dead.

    Attributes:
        nonce: random 62-bit number.
        node: worker node name, ``name@host``.
        pid: process id, for people.
        role: "child" runs tasks, "supervisor" does not.
        since: unix time of its start.
        info: free facts for listings (pool, queues, concurrency), plain JSON values.
    """

    nonce: int
    node: str
    pid: int
    role: Literal["child", "supervisor"]
    since: float
    info: dict[str, object] = {}


Leave = Callable[[bytes], bool] | None
"""Of a body: whether its message is left where it is; see `Control.revoke`."""


class Want(msgspec.Struct, frozen=True, gc=False):
    """What a consumer would take now.

    Attributes:
        queues: queue names in the order of preference among equals (the caller rotates them). The highest priority is
            claimed first; within its priority a suspect goes before the others, whichever of the queues it is in.
        limit: most messages to claim, at least 1.
    """

    queues: tuple[str, ...]
    limit: int


class Turn(msgspec.Struct, gc=False):
    """What one turn of a consumer brought.

    Attributes:
        deliveries: claimed now, all from one queue and of one priority, oldest first.
        fenced: outcomes that were dropped because their message is no longer held under that claim.
        refused: True when the owner was declared dead; it must take a new nonce before it claims again.
        revision: newest revision of the revocation log.
        next_due: unix time of the earliest delayed message of the wanted queues, 0.0 when there is none.
        waiting: outcomes that need something sent, while the store hands out and takes back but takes nothing new.
            Their messages are still held, and nothing of them happened; the caller keeps them and repeats them later.
        reason: why they wait.
    """

    deliveries: list[Delivery]
    fenced: list[Outcome] = []
    refused: bool = False
    revision: int = 0
    next_due: float = 0.0
    waiting: list[Outcome] = []
    reason: str = ""


class Death(msgspec.Struct, frozen=True):
    """A supervisor's report of a child that died or was killed.

    Attributes:
        owner: nonce of the dead child.
        started: tags whose function was running at the death; only these are counted.
        cause: one line, for instance "killed by SIGKILL".
        verdicts: tag -> verdict for messages that must be settled as failed by whoever claims them next
            (hard limit: "TimeLimitExceeded:5.0"; revoked while running: "Terminated:SIGKILL").
        counts: False for a death after SIGTERM or a hard limit, where no crash is counted.
    """

    owner: int
    started: tuple[int, ...]
    cause: str
    verdicts: dict[int, str] = {}
    counts: bool = True


class Revocation(msgspec.Struct, frozen=True):
    """One entry of the revocation log.

    Attributes:
        id: task id.
        revision: set by the store, ascending.
        terminate: also stop it when it is running.
        signal: name of the signal for Celery's API, "SIGTERM" unless given.
        expires: unix time after which the entry may be forgotten.
    """

    id: str
    revision: int = 0
    terminate: bool = False
    signal: str = "SIGTERM"
    expires: float = 0.0


class Broadcast(msgspec.Struct, frozen=True):
    """A request to all workers, Celery's pidbox document as bytes."""

    number: int
    payload: bytes


class QueueCount(msgspec.Struct, frozen=True):
    """Sizes of one queue; `oldest` is the unix time at which its oldest ready message was stored (0.0: none)."""

    queue: str
    ready: int
    delayed: int
    leased: int
    dead: int
    oldest: float = 0.0


class Item(msgspec.Struct, frozen=True):
    """One stored message as the reading side sees it.

    Attributes:
        tag: the store's reference, for paging and deleting.
        place: where it is.
        parcel: as sent; while it is delayed, ``due`` is the time at which that ends.
        stored: unix time of its arrival in the store.
        owner: node name that holds it ("" unless leased).
        deaths: crashes counted against it.
        reason: dead letters: why.
        detail: dead letters: traceback or dump.
        died: dead letters: unix time.
    """

    tag: int
    place: Place
    parcel: Parcel
    stored: float = 0.0
    owner: str = ""
    deaths: int = 0
    reason: str = ""
    detail: str = ""
    died: float = 0.0


class Part(Protocol):
    """What every part can do."""

    def close(self) -> None:
        """Give the connection back; safe to repeat. Whoever opens a part for one question closes it behind that."""
        ...


class Publisher(Part, Protocol):
    """Producers' part."""

    def publish(
        self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
    ) -> None:
        """Store all parcels, or none and raise.

        Args:
            parcels: any number; the caller bounds batches.
            deadline: seconds in all, waiting for locks and connections included.
            limits: queue name -> most ready messages it may hold after this call.

        Raises:
            QueueFull: a limit would be exceeded.
            OperationalError: the store did not take responsibility within the deadline (a subclass says why).
        """
        ...


class Consumer(Part, Protocol):
    """One owner's way in: settle what is finished and claim what is next, in one atomic step."""

    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        """Settle ``outcomes``, then claim what ``want`` names (None: claim nothing).

        Raises:
            OperationalError: nothing of it happened; the caller keeps the outcomes and repeats later.
        """
        ...

    def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Which of these are still held by this owner under their claim number (for a backend in another store)."""
        ...

    def wait(self, queues: Sequence[str], timeout: float, wake: int) -> None:
        """Sleep until work may be there, ``wake`` (a file descriptor) is readable, or ``timeout`` seconds passed."""
        ...

    def close(self) -> None:
        """Give the connection back; what is still held stays held by the owner."""
        ...


class Owners(Part, Protocol):
    """Liveness. Work belongs to a live owner for as long as it lives."""

    def enlist(self, owner: Owner) -> None:
        """From now on ``owner`` lives as long as this process (or until `retire`)."""
        ...

    def retire(self, nonce: int) -> None:
        """Its clean end: what it still holds is released at once, without counting."""
        ...

    def rescue(self, deaths: Sequence[Death] = ()) -> int:
        """Take back the work of owners that are dead, those in ``deaths`` and those found by looking.

        Of a reported death the started messages get one more death (three: verdict "WorkerLostError:<cause>"), the
        others return untouched. Of an unreported death (nobody survived to say) every message returns as a suspect: it
        keeps its priority, goes before the others of it, oldest suspect first, and is claimed alone; only those that
        had been claimed alone get one more death. A held message under early acknowledgement gets the verdict
        "WorkerLostError:<cause>" at once.

        Returns:
            number of messages that became claimable.
        """
        ...

    def roll(self) -> list[Owner]:
        """Everybody who is alive now."""
        ...

    def tidy(self, limits: dict[str, float]) -> int:
        """One bounded step of housekeeping: expired results and revocations, dead letters past their retention, stale
        waiters and replies, free pages. Returns the number of rows removed; call again soon while it is not 0.

        Args:
            limits: "dead_age" seconds, "dead_count" rows, "result_count" rows; missing or 0: unlimited.
        """
        ...


class Control(Part, Protocol):
    """Revocations and broadcasts."""

    def revoke(
        self, revocations: Sequence[Revocation], records: Sequence[Record] = (), leave: Leave = None
    ) -> list[str]:
        """Log the revocations; remove those ids that wait (ready or delayed), storing their record in the same step.

        Args:
            revocations: what to log.
            records: what to store with a removal, by task id.
            leave: of a body, whether its message stays for a worker to discard, because others wait for its end; None:
                none stays. A store out of whose queues nothing can be removed need not ask.

        Returns:
            ids that were removed now.
        """
        ...

    def revoked(self, since: int) -> tuple[int, list[Revocation]]:
        """The log after revision ``since``, and its newest revision."""
        ...

    def broadcast(self, payload: bytes, expires: float) -> int | None:
        """Offer a control request to every worker until ``expires`` (unix time).

        Returns:
            how many listeners have it already, workers of other programs that understand it too; None when the store
            cannot tell, or has none but umbel's.
        """
        ...

    def broadcasts(self, after: int, timeout: float, wake: int = -1) -> list[Broadcast]:
        """Requests with a number above ``after``; waits up to ``timeout`` seconds for the first, or for ``wake``."""
        ...

    def reply(self, ticket: str, payload: bytes, expires: float) -> None:
        """Answer the request that carried ``ticket``."""
        ...

    def replies(self, ticket: str, timeout: float) -> list[bytes]:
        """Take the answers to ``ticket`` that are there; waits up to ``timeout`` seconds for the first."""
        ...


class Shelf(Part, Protocol):
    """The reading side: never on the path of a task."""

    def counts(self) -> list[QueueCount]:
        """Sizes of every queue that has a message, by name."""
        ...

    def items(self, place: Place, *, queue: str | None = None, after: int = 0, limit: int = 100) -> list[Item]:
        """Messages in the order in which they would be taken (delayed: by due time; dead: newest last), in pages.

        Args:
            place: where to look.
            queue: of this queue only.
            after: last tag of the page before: go on behind it (when it has moved on: only with what is newer than it).
            limit: most items of this page.
        """
        ...

    def find(self, task_id: str) -> list[Item]:
        """All stored messages of one task id."""
        ...

    def delete(self, place: Place, tags: Sequence[int]) -> int:
        """Remove by tag; a leased message can be removed too, its outcome is then fenced. Returns how many."""
        ...

    def purge(self, queue: str) -> int:
        """Remove all ready and delayed messages of a queue. Returns how many."""
        ...

    def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
        """Move dead letters back to their queue with fresh counters, to be claimed at once. Returns how many.

        Args:
            tags: which dead letters.
            body: replaces the body of a single one.

        Raises:
            ValueError: a body for any other number of tags than one.
        """
        ...


class Broker(Protocol):
    """An opened store."""

    @property
    def abilities(self) -> Abilities: ...

    def publisher(self) -> Publisher: ...

    def consumer(self, owner: Owner) -> Consumer: ...

    def owners(self) -> Owners: ...

    def control(self) -> Control: ...

    def shelf(self) -> Shelf: ...
