"""Moving work out of a store: back to Celery's plain messages in the same store, or into another one.

    to Celery     what only umbel reads is turned, message by message, into what Celery's workers take
    elsewhere     claim -> publish, confirmed -> settle, in batches; a delayed message: publish -> delete

Each message is in the old place until it is known to be in the new one, so whatever is killed, nothing is lost. It is
published under a name made of itself, so that a repetition stores it once where the other store can (`OncePublisher`);
where it cannot, what was under way when the move was killed (one batch) may be there twice.

Who owns work must be gone: an owner that does not answer any more is waited for until the store gives its work back.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from . import clock, ids
from .backend import Backend
from .broker import Broker, Item, Owner, Place, Want
from .exceptions import ImproperlyConfigured, StoreUnavailable, WorkersAlive
from .message import Delivery, Parcel
from .outcome import Bury, Done, Outcome, Release
from .record import Record
from .states import FAILURE, REVOKED
from .transfer import HazyShelf, OncePublisher, PlainShelf
from .withdraw import state_record

BATCH: Final = 200
SOON: Final = 10.0
"""Seconds: a delayed message that is due so soon is waited for and moved as a ready one, because it might start to move
by itself between its two steps.
"""
DEADLINE: Final = 5.0
_VERDICTS: Final = {
    "WorkerLostError": (FAILURE, "WorkerLostError", "billiard.exceptions"),
    "TimeLimitExceeded": (FAILURE, "TimeLimitExceeded", "billiard.exceptions"),
    "Terminated": (REVOKED, "TaskRevokedError", "celery.exceptions"),
}
_PATIENCE: Final = 3.0
_ONE_LOOK: Final = 1.0


class Drained(msgspec.Struct):
    """What came of it.

    Attributes:
        moved: queue -> messages that are in their new place.
        set_aside: queue -> messages that must not run again, now dead letters of the old store.
        leased, delayed, dead: messages that stayed: held by live workers, unreadable for Celery, dead letters.
    """

    moved: Counter[str]
    set_aside: Counter[str]
    leased: int = 0
    delayed: int = 0
    dead: int = 0


Tell = Callable[[Drained], None]


class Drain:
    """One move. Safe to repeat after any end.

    Args:
        source: the store to be emptied.
        tell: called after each step with the counts so far.
        expires: seconds that the failure of a message that must not run is kept as its result, 0 for ever.
        results: where such failures are stored.
    """

    def __init__(
        self, source: Broker, tell: Tell = lambda _: None, *, results: Backend | None = None, expires: float = 0.0
    ) -> None:
        self._source = source
        self._tell = tell
        self._results = results
        self._expires = expires
        self._done = Drained(Counter(), Counter())
        self._owners = source.owners()
        self._shelf = source.shelf()
        self._owner = Owner(
            ids.nonce(), f"drain@{socket.gethostname()}", os.getpid(), "child", clock.wall(), {"drain": True}
        )

    def to_celery(self, *, force: bool = False) -> Drained:
        """Turn everything into Celery's messages.

        Args:
            force: also while workers live; they keep what they hold.

        Raises:
            ImproperlyConfigured: Celery cannot read this store.
            WorkersAlive: somebody works here, and ``force`` is not given.
            OperationalError: the store does not answer; what was moved stays moved.
        """
        shelf = self._shelf
        if not isinstance(shelf, PlainShelf):
            raise ImproperlyConfigured(
                "Celery cannot read this store, so nothing here can become its messages. Name one to move to:"
                " --to redis://..."
            )
        self._expect_nobody(force=force)
        left = sum(count.ready + count.delayed for count in shelf.counts())
        while moved := shelf.make_plain(BATCH):
            left -= len(moved)
            self._count(moved)
            if left <= 0:  # live workers may take back what was moved: no more
                break
        return self._left_over()

    def elsewhere(self, target: Broker, *, force: bool = False) -> Drained:
        """Move what waits and what is delayed to another store.

        Args:
            target: where to.
            force: also while workers live; they keep what they hold.

        Raises:
            ImproperlyConfigured: it is the same store, or one that ends with this process.
            WorkersAlive: somebody works here, and ``force`` is not given.
            OperationalError: one of the stores does not answer; what was not moved is where it was.
        """
        if not target.abilities.shared:
            raise ImproperlyConfigured("The store to move to lives in this process only; name one that stays.")
        self._expect_nobody(force=force)
        self._owners.enlist(self._owner)
        try:
            self._expect_another(target)
            move = _Move(self._source, target, self._owner, self._done, self._expires)
            try:
                while self._step(move):
                    self._tell(self._done)
            finally:
                move.close()
        finally:
            self._owners.retire(self._owner.nonce)
        self._left_over()
        if isinstance(self._shelf, HazyShelf):
            self._done.delayed += self._shelf.hidden()
        return self._done

    def close(self) -> None:
        """Give the connections back; safe to repeat."""
        self._owners.close()
        self._shelf.close()

    def _step(self, move: _Move) -> bool:
        """Move some of what is there; False when nothing is."""
        counts = [count for count in self._shelf.counts() if count.ready or count.delayed]
        queues, now = [count.queue for count in counts], clock.wall()
        if any(count.ready for count in counts):
            move.ready(queues)
            return True
        items = self._shelf.items("delayed", limit=BATCH)
        late = [item for item in items if item.parcel.due > now + SOON]
        if late:
            move.delayed(self._shelf.delete, late)
        elif items:
            move.wait(queues, max(0.0, items[0].parcel.due - now))
            move.ready(queues)
        return bool(items)

    def _expect_nobody(self, *, force: bool) -> None:
        """Take the work of the dead back; whoever still lives then is a reason to stop."""
        until = clock.monotonic() + self._source.abilities.notice + _PATIENCE
        self._owners.rescue()
        while (alive := self._owners.roll()) and not force and clock.monotonic() < until:
            time.sleep(_ONE_LOOK)
            self._owners.rescue()
        if alive and not force:
            names = ", ".join(sorted({owner.node for owner in alive}))
            held = sum(count.leased for count in self._shelf.counts())
            raise WorkersAlive(
                f"Workers are alive ({names}) and hold {held} message(s); stop them first, they give back what"
                " they have not started. With --force they keep what they hold, and the rest is moved."
            )

    def _expect_another(self, target: Broker) -> None:
        owners = target.owners()
        try:
            if any(owner.nonce == self._owner.nonce for owner in owners.roll()):
                raise ImproperlyConfigured("That is the store that is to be emptied; name another one.")
        finally:
            owners.close()

    def _count(self, items: Sequence[Item]) -> None:
        for item in items:
            (self._done.set_aside if item.place == "dead" else self._done.moved)[item.parcel.queue] += 1
        judged = [item for item in items if item.place == "dead"]
        if judged and self._results is not None:
            self._results.store([_failure(item.parcel.id, item.reason, self._expires) for item in judged])
        self._tell(self._done)

    def _left_over(self) -> Drained:
        counts = self._shelf.counts()
        self._done.leased = sum(count.leased for count in counts)
        self._done.delayed = sum(count.delayed for count in counts)
        self._done.dead = sum(count.dead for count in counts)
        return self._done


class _Move:
    """The way of one owner from one store into another."""

    def __init__(self, source: Broker, target: Broker, owner: Owner, done: Drained, expires: float) -> None:
        self._consumer = source.consumer(owner)
        self._publisher = target.publisher()
        self._done = done
        self._expires = expires
        self._turned = _nine_is_urgent(source) != _nine_is_urgent(target)

    def ready(self, queues: Sequence[str]) -> None:
        """Move a batch of what can be claimed."""
        turn = self._consumer.turn((), Want(tuple(queues), BATCH))
        deliveries = turn.deliveries
        if turn.refused:
            raise StoreUnavailable("The store took this process for dead while it was busy; drain once more.")
        if not deliveries:  # somebody else was faster
            self.wait(queues, _ONE_LOOK)
            return
        outcomes: list[Outcome] = [Release(delivery) for delivery in deliveries]
        going = [delivery for delivery in deliveries if not delivery.verdict]
        try:
            self._publish([(delivery.tag, _parcel(delivery)) for delivery in going])
            outcomes = [self._outcome(delivery) for delivery in deliveries]
        finally:  # what was not published goes back to its place
            self._consumer.turn(outcomes, None)
        self._done.moved.update(delivery.queue for delivery in going)
        self._done.set_aside.update(delivery.queue for delivery in deliveries if delivery.verdict)

    def delayed(self, delete: Callable[[Place, Sequence[int]], int], items: Sequence[Item]) -> None:
        """Move messages that are not due for a while."""
        self._publish([(item.tag, item.parcel) for item in items])
        delete("delayed", [item.tag for item in items])
        self._done.moved.update(item.parcel.queue for item in items)

    def wait(self, queues: Sequence[str], seconds: float) -> None:
        """Until something can be claimed, at most so long."""
        self._consumer.wait(queues, seconds, -1)

    def close(self) -> None:
        self._consumer.close()
        self._publisher.close()

    def _publish(self, tagged: Sequence[tuple[int, Parcel]]) -> None:
        if not tagged:
            return
        parcels = [_turned(parcel) if self._turned else parcel for _, parcel in tagged]
        publisher = self._publisher
        if not isinstance(publisher, OncePublisher):
            publisher.publish(parcels, deadline=DEADLINE)
            return
        publisher.publish_once(parcels, [_name(tag, parcel) for tag, parcel in tagged], deadline=DEADLINE)

    def _outcome(self, delivery: Delivery) -> Outcome:
        if not delivery.verdict:
            return Done(delivery)
        record = _failure(_parcel(delivery).id, delivery.verdict, self._expires)
        return Bury(delivery, record=record, reason=delivery.verdict)


def _name(tag: int, parcel: Parcel) -> str:
    """The same for the same message of a store, however often and in whichever state it is read."""
    head = b"%d|%b|%d|" % (tag, parcel.queue.encode(), len(parcel.head))
    return hashlib.sha256(head + parcel.head + parcel.body).hexdigest()[:32]


def _parcel(delivery: Delivery) -> Parcel:
    try:
        headers = _named(delivery.head).headers
    except (msgspec.MsgspecError, UnicodeDecodeError):  # travels as it is; whoever claims it says so
        headers = _Headers()
    return Parcel(
        delivery.queue, str(headers.id or ""), str(headers.task or ""), delivery.head, delivery.body, delivery.priority
    )


class _Headers(msgspec.Struct, gc=False):
    id: Any = ""
    task: Any = ""


class _Head(msgspec.Struct, gc=False):
    headers: _Headers


_named = msgspec.json.Decoder(_Head).decode


def _nine_is_urgent(broker: Broker) -> bool:
    told_apart = broker.abilities.priorities
    return told_apart[0] > told_apart[-1]


def _turned(parcel: Parcel) -> Parcel:
    """As urgent as it was, in a store that counts the other way. 0, which is also no priority at all, stays."""
    if not parcel.priority:
        return parcel
    priority, head = 9 - parcel.priority, parcel.head
    try:
        document = msgspec.json.decode(head, type=dict[str, msgspec.Raw])
        properties = {**msgspec.json.decode(document["properties"]), "priority": priority}
        head = msgspec.json.encode({**document, "properties": properties})
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):  # no head of Celery's: it says no priority
        pass
    return msgspec.structs.replace(parcel, head=head, priority=priority)


def _failure(task_id: str, verdict: str, expires: float) -> Record:
    """The failure that a verdict (`broker.Death`) says."""
    kind, _, detail = verdict.partition(":")
    status, name, module = _VERDICTS.get(kind, _VERDICTS["WorkerLostError"])
    result = {"exc_type": name, "exc_message": [detail], "exc_module": module}
    return state_record(task_id, status, result, expires=expires)
