"""Gathering: the messages of tasks that have a strategy of their own (`strategies`), from the claim to the settle.

    runner -> attempt -> take: the strategy's handler keeps it      held: claimed, not started
    strategy: pool.apply_async(function, requests)                  ready: a `Batch`, waits for a slot
    child -> pool -> Batch.run: the function                        running: each message on the shared page
    its outcomes -> settler                                         acknowledged after the run

Guarantees. A message is held under this child's claim until its batch has ended, so it is another's when the child
dies, and a death counts against it only if its function was running. One that was running when a child died, or whose
past nobody knows, is a batch of its own: what kills its child is found, and its neighbours pay with one repeat. A stop
gives back what has not started. So does a batch that is late by a second, because a function is in its way.

Threads: the loop hands over and makes batches. A message leaves `held` by one `pop`, of the loop or of the keeper, and
belongs to whoever has popped it; what the keeper gave back is taken out of the strategy's list before that is run.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .. import clock, signals
from ..current import request_var
from ..einfo import ExceptionInfo
from ..exceptions import Ignore, Interrupted, Reject
from ..outcome import Done, Outcome, Park, Release
from .attempt import Attempt
from .desk import Desk
from .strategies import BasePool, Handler, Message, Receiving, start
from .told import Received

if TYPE_CHECKING:
    from ..pool import Guard

logger = logging.getLogger("umbel.worker")

LATE: Final = 1.0
"""Seconds by which a batch may be late before its messages are given back."""

UNSAID: Final = 60.0
"""Seconds for which a message is put off that a strategy has run and neither acknowledged nor rejected."""


class Strategy(BasePool):
    """One task's in one child: its handler, and the pool that the handler runs functions with.

    Args:
        attempt: the first of its messages.
        gathering: where batches go.
    """

    def __init__(self, attempt: Attempt, gathering: Gathering) -> None:
        app, plan = gathering.desk.app, attempt.plan
        super().__init__(app=app)
        self._gathering = gathering
        self.consumer = Receiving(app, gathering.desk.node, self)
        self.handler: Handler = start(plan.task, app, self.consumer)

    def on_apply(self, target: Any, args: Any, kwargs: Any, **options: Any) -> Batch:
        """See `BasePool.apply_async`."""
        batch = Batch(self._gathering, partial(target, **kwargs) if kwargs else target, args, options)
        self._gathering.ready.append(batch)
        return batch


class Gathering:
    """One child's.

    Args:
        desk: what its attempts share.
        post: puts an outcome from whatever thread.

    Attributes:
        ready: batches that wait for a slot.
    """

    def __init__(self, desk: Desk, post: Callable[[Outcome], Any]) -> None:
        self.desk = desk
        self.post = post
        self.ready: deque[Batch] = deque()
        self._held: dict[int, Message] = {}
        self._strategies: dict[str, Strategy] = {}

    def take(self, attempt: Attempt) -> Message | None:
        """Hand a message over; returns it when it is to be run alone, in the usual way."""
        message = Message(attempt, self._left)
        try:
            strategy = self._strategies.get(attempt.plan.name)
            if strategy is None:
                strategy = self._strategies[attempt.plan.name] = Strategy(attempt, self)
            self._hand_over(strategy, message)
        except Exception as error:  # a strategy's own: its message fails, as that of a task that raises
            self._held.pop(attempt.tag, None)
            self.post(_written(self.desk, attempt, error))
            return None
        if not message.wanted or self._held.pop(attempt.tag, None) is None:
            return None
        if signals.task_received.receivers:
            told = Received(message, app=self.desk.app, task=attempt.plan.task)
            signals.task_received.send(sender=strategy.consumer, request=told)
        return message

    def _hand_over(self, strategy: Strategy, message: Message) -> None:
        attempt = message.attempt
        alone = bool(attempt.delivery.deaths or attempt.delivery.alone)
        if alone:
            strategy.consumer.timer.rush()  # whatever was gathered before it runs without it
        self._held[attempt.tag] = message
        strategy.handler(message, None, message.ack, message.reject, ())
        if alone:
            strategy.consumer.timer.rush()

    def _left(self, message: Message) -> None:
        """It was acknowledged or rejected before it was run, and never will be."""
        if self._held.pop(message.attempt.tag, None) is not None:
            self.post(self.outcome(message))

    def outcome(self, message: Message) -> Outcome:
        """What becomes of a message that was acknowledged, rejected, or neither."""
        attempt, desk = message.attempt, self.desk
        if not message.acknowledged:
            logger.warning(
                "Task %s[%s] was run and not acknowledged by its strategy: it runs again in %g s",
                attempt.plan.name, attempt.request.id, UNSAID,
            )  # fmt: skip
            return Park(attempt.delivery, due=clock.wall() + UNSAID)
        if message.refused is not None:
            return Release(attempt.delivery) if message.refused else desk.rejected(attempt, Reject("by its strategy"))
        if any(attempt.request.embed.get(name) for name in ("chord", "chain")):
            return desk.ignored(attempt, Ignore("its strategy says nothing to those who wait for it"))
        return Done(attempt.delivery)

    @property
    def active(self) -> bool:
        """Whether there is a strategy."""
        return bool(self._strategies)

    def turn(self) -> None:
        """Let strategies do what is due."""
        for strategy in self._strategies.values():
            strategy.consumer.timer.turn()

    @property
    def due(self) -> float:
        """Monotonic moment at which a strategy wants to do something, inf for none."""
        return min((one.consumer.timer.due for one in self._strategies.values()), default=float("inf"))

    def late(self, now: float) -> bool:
        """Whether a batch should have begun some time ago; asked by the keeper, while a function is in its way."""
        if not self._held:
            return False
        waiting = [batch.made for batch in list(self.ready)]
        return now - min([self.due, *waiting]) > LATE

    def claimed(self, requests: Any) -> list[Message]:
        """The messages of these requests, which are this batch's from now on; others are taken out of the list."""
        by_id: dict[str, deque[Message]] = {}
        for message in list(self._held.values()):
            by_id.setdefault(message.context.id, deque()).append(message)
        found: list[Message] = []
        left = []
        for request in requests:
            named = by_id.get(request.id)
            if named and self._held.pop(named[0].attempt.tag, None) is not None:
                found.append(named.popleft())
                left.append(request)
        if isinstance(requests, list):
            requests[:] = left
        return found

    def next(self) -> Batch | None:
        """A batch that has something to run, its messages no longer held."""
        while self.ready:
            batch = self.ready.popleft()
            if batch.collect():
                return batch
        return None

    def give_back(self) -> list[Outcome]:
        """Take all that has not started. The loop and the keeper may call it."""
        found: list[Outcome] = []
        for tag in list(self._held):
            message = self._held.pop(tag, None)
            if message is not None:
                found.append(Release(message.attempt.delivery))
        return found


class Batch:
    """What a strategy runs: a function over requests. For a pool it is one attempt (`pool.Attempt`).

    Attributes:
        made: monotonic.
        parts: the runs that it is, one for each message.
        tag: of the first.
    """

    is_async = False
    tag = 0

    def __init__(self, gathering: Gathering, target: Callable[..., Any], args: Any, options: Mapping[str, Any]) -> None:
        self._gathering = gathering
        self._target = target
        self._args = args
        self._options = options
        self._messages: list[Message] = []
        self.made = clock.monotonic()
        self.parts: list[Attempt] = []

    def collect(self) -> bool:
        """Take over the messages that it names; False when there are none (any more)."""
        for requests in _requests(self._args):
            self._messages += self._gathering.claimed(requests)
        self.parts = [message.attempt for message in self._messages]
        if self.parts:
            self.tag = self.parts[0].tag
        return bool(self.parts)

    def run(self, guard: Guard) -> Outcome:
        """Run the function; all outcomes but the one that is returned are posted."""
        self._begin()
        token = request_var.set(None)
        outcomes: Sequence[Outcome]
        try:
            _call(self._options.get("accept_callback"), os.getpid(), clock.monotonic())
            value = guard.call(self._target, self._args, {})
        except BaseException as error:  # whatever it raises is the outcome of each message; a stop is Interrupted
            outcomes = [*self._raised(error)]
        else:
            outcomes = [*self._returned(value)]
        finally:
            request_var.reset(token)
        for outcome in outcomes[1:]:
            self._gathering.post(outcome)
        return outcomes[0] if outcomes else Release(self.parts[0].delivery)  # the keeper has settled them all

    async def arun(self, guard: Any) -> Outcome:
        """A batch is a function."""
        return self.run(guard)

    def _begin(self) -> None:
        desk, now = self._gathering.desk, clock.monotonic()
        shown = max(1, len(desk.row.free) // 2)  # the others are for what runs beside it
        for number, part in enumerate(self.parts):
            part.started, part.in_batch = now, True
            deadline = now + part.hard if part.hard else 0.0
            part.cell = desk.row.begin(part.tag, now, deadline) if number < shown else -1
            desk.running[part.tag] = part
            if desk.reporter.on:
                desk.reporter.received(part.request, part.plan)
                desk.reporter.started(part)

    def _ended(self) -> Iterator[Message]:
        """The messages that are still to be settled, which are not running any more."""
        now = clock.monotonic()
        for message in self._messages:
            part = message.attempt
            part.stopped, part.runtime = now, now - part.started
            if self._gathering.desk.leave(part):
                yield message

    def _returned(self, value: Any) -> Iterator[Outcome]:
        left = [*self._ended()]
        _call(self._options.get("callback"), value)
        reporter = self._gathering.desk.reporter
        for message in left:
            if message.attempt.cut_short:
                yield Release(message.attempt.delivery)
                continue
            if reporter.on and message.acknowledged and message.refused is None:
                reporter.succeeded(message.attempt, value)
            yield self._gathering.outcome(message)

    def _raised(self, error: BaseException) -> Iterator[Outcome]:
        left = [*self._ended()]
        cut_short = isinstance(error, Interrupted) or any(part.cut_short for part in self.parts)
        if not cut_short:
            _call(self._options.get("error_callback"), ExceptionInfo(error, ""))
        for message in left:
            if cut_short:
                yield Release(message.attempt.delivery)
            else:
                yield _written(self._gathering.desk, message.attempt, error)


def _written(desk: Desk, attempt: Attempt, error: BaseException) -> Outcome:
    """The outcome of a message whose strategy, or whose batch, has raised."""
    try:
        return desk.raised(attempt, error)
    except Exception as trouble:  # the net: whatever a message holds, its outcome may not end the child
        return desk.unwritten(attempt, trouble)


def _requests(value: Any, depth: int = 3) -> Iterator[Any]:
    """The lists of requests in the arguments of a function."""
    if not isinstance(value, list | tuple) or not value:
        return
    if all(hasattr(one, "id") and hasattr(one, "args") for one in value):
        yield value
    elif depth:
        for one in value:
            yield from _requests(one, depth - 1)


def _call(callback: Callable[..., Any] | None, *args: Any) -> None:
    if callback is None:
        return
    try:
        callback(*args)
    except Exception:  # a strategy's own; what it did not acknowledge comes again
        logger.exception("A callback of a strategy failed")
