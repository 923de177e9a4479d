"""The settler: the one component that makes outcomes durable.

    broker and results in one store    one turn: records, follow-ups and removal in one atomic step
    in different stores                check the claim, store the records and note the members of joins, then the turn
                                       without them

A settler belongs to one thread and owns that thread's connections. When the store fails, nothing of the call happened:
the outcomes go back to the outcome queue and are settled later; running tasks go on. When it only takes nothing new,
what needs something sent waits, and everything else is settled and claimed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from .. import clock
from ..app.joined import open_joins
from ..broker import Consumer, Owner, Turn, Want
from ..exceptions import StoreFull, UmbelError
from ..outcome import Hold, Outcome, Release
from .again import marked
from .forwarder import Forwarder
from .once import Once

if TYPE_CHECKING:
    from ..app import Umbel
    from ..record import Record
    from .channels import Outcomes
    from .once import Book
    from .reporter import Reporter

logger = logging.getLogger("umbel.worker")

UNSETTLED_MOST = 1_000
"""With this many outcomes unsettled a child stops claiming."""

BLIND = 0.25
"""Seconds between two looks for work while the store answers but cannot be waited on."""


class Settler:
    """Settles and claims for one thread of one owner.

    Args:
        app: the application; its broker gives the consumer, its backend the result store.
        owner: whose claims these are.
        outcomes: where outcomes go back to when the store fails.
        reporter: hears what was settled, behind it.
        book: claims of this owner's messages that run once.
    """

    def __init__(self, app: Umbel, owner: Owner, outcomes: Outcomes, reporter: Reporter, book: Book) -> None:
        self._app = app
        self._outcomes = outcomes
        self._reporter = reporter
        self._apart = not app.settles_results
        self._sends_again = self._apart and not app.broker.abilities.atomic
        self.consumer: Consumer = app.broker.consumer(owner)
        self._forwarder = Forwarder(app)
        self.once = Once(app, owner, book)
        self.refused = False
        self.failing_since = 0.0
        self._blind = False

    def turn(self, outcomes: list[Outcome], want: Want | None) -> Turn | None:
        """Settle and claim; None when the store failed (the outcomes are back on their queue)."""
        try:
            turn = self._turn(outcomes, want)
        except UmbelError as error:
            self._outcomes.put_back(outcomes)
            if not self.failing_since:
                self.failing_since = clock.monotonic()
                logger.error("The store does not answer, %d outcomes wait: %s", len(self._outcomes), error)
            return None
        if self.failing_since:
            logger.warning("The store answers again after %.1f s", clock.monotonic() - self.failing_since)
            self.failing_since = 0.0
        settled = self._kept_waiting(outcomes, turn) if turn.waiting else outcomes
        if self._outcomes.settled(settled):
            logger.warning("The store takes messages again: what waited is sent")
        if turn.refused and not self.refused:
            self.refused = True
            logger.error("This process was declared dead; it stops claiming and is replaced")
        for outcome in turn.fenced:
            known = (outcome.delivery.tag, outcome.delivery.claim) in self.once.counted  # and was said already
            level = logging.DEBUG if known or isinstance(outcome, Release) else logging.WARNING
            logger.log(level, "Dropped the outcome of message %d: it is no longer held here", outcome.delivery.tag)
        if self._reporter.waiting or self._app.tells_sent:
            self._reporter.settled(settled, turn.fenced)
        return turn

    def _kept_waiting(self, outcomes: list[Outcome], turn: Turn) -> list[Outcome]:
        """Put aside what waits; returns the others. Whoever asks to hold a message does not wait: he gives it back."""
        if self._outcomes.defer(outcome for outcome in turn.waiting if not isinstance(outcome, Hold)):
            logger.warning("What has to be sent waits, other tasks go on: %s", turn.reason)
        waiting = {outcome.delivery.tag for outcome in turn.waiting}
        return [outcome for outcome in outcomes if outcome.delivery.tag not in waiting]

    def wait(self, queues: Sequence[str], timeout: float) -> None:
        """Sleep until there may be work or an outcome, or ``timeout`` seconds passed, even if the store fails."""
        wake = self._outcomes.wake
        try:
            self.consumer.wait(queues, timeout, wake.fd)
            self._blind = False
        except UmbelError as error:
            if not self._blind:
                self._blind = True
                logger.warning("The store cannot be waited on, it is asked every %g s: %s", BLIND, error)
            wake.sleep(min(timeout, BLIND))

    def _turn(self, outcomes: list[Outcome], want: Want | None) -> Turn:
        waiting: list[Outcome] = []
        reason = ""
        if self._sends_again:
            outcomes = [marked(outcome) for outcome in outcomes]
        try:
            outcomes = self._stored(outcomes)
        except StoreFull as error:  # those without a state to store are none of its business
            reason = str(error)
            waiting = [outcome for outcome in outcomes if outcome.later or _has_a_state(outcome)]
            outcomes = [outcome for outcome in outcomes if not (outcome.later or _has_a_state(outcome))]
        self.once.conclude(outcomes)
        turn = self.consumer.turn(outcomes, want)
        turn.waiting = [*waiting, *turn.waiting]
        turn.reason = turn.reason or reason
        self.once.settled(outcomes, turn)
        return turn

    def _stored(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Store the states that are not settled with their outcome; returns what is left to be settled."""
        for outcome in outcomes:
            if outcome.later:
                self._close(outcome)
        if self._apart and any(map(_has_a_state, outcomes)):
            return self._store_apart(outcomes)
        return outcomes

    def _close(self, outcome: Outcome) -> None:
        """Store the states of what will not follow, unless the message is another's by now."""
        backend = self._app.backend()
        if backend is not None and self.consumer.check([outcome])[0]:
            backend.store(outcome.later)

    def _store_apart(self, outcomes: list[Outcome]) -> list[Outcome]:
        counts = self.once.holds(outcomes, self.consumer.check(outcomes))
        held = [outcome for outcome, ours in zip(outcomes, counts, strict=True) if ours]
        backend = self._app.backend()
        if backend is not None:
            backend.store([o.record for o in held if o.record is not None and not o.members])
        for outcome in held:
            open_joins(self._app, outcome.parcels, anew=False)
        self._forwarder.join([outcome for outcome in held if outcome.members])
        return [_without_state(outcome) for outcome in outcomes]

    def tell(self, record: Record) -> None:
        """Store a state that settles nothing (STARTED); a failure is logged and does not stop the task."""
        backend = self._app.backend()
        if backend is None:
            return
        try:
            backend.store([record])
        except UmbelError as error:
            logger.warning("The state %s of task %s was not stored: %s", record.status, record.id, error)

    def close(self) -> None:
        self.once.close()
        self.consumer.close()
        self._forwarder.close()


def _has_a_state(outcome: Outcome) -> bool:
    """Whether something of it is kept with the results."""
    return outcome.record is not None or bool(outcome.members) or any(parcel.opens for parcel in outcome.parcels)


def _without_state(outcome: Outcome) -> Outcome:
    if outcome.members:  # what it sends has left with them
        return msgspec.structs.replace(outcome, record=None, members=(), parcels=())
    return msgspec.structs.replace(outcome, record=None) if outcome.record is not None else outcome
