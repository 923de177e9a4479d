"""An attempt: one run of one message, a short staircase of steps that ends in an outcome value.

    convert arguments -> before_start, task_prerun -> the function (under the pool's guard) -> outcome -> after_return

The attempt tells the shared page that its function runs and when it stopped, and nothing else about itself: limits are
watched by the keeper, who finds it in ``desk.running``.
"""

from __future__ import annotations

import logging
from contextvars import Token
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import clock, signals, states
from ..current import pop_request, push_request
from ..exceptions import Ignore, Interrupted, Reject, Retry, TaskRevokedError, Terminated
from ..outcome import Outcome, Release
from ..task.tracing import traced
from .desk import Desk
from .run import Run

if TYPE_CHECKING:
    from ..context import Context
    from ..message import Delivery
    from ..pool import AsyncGuard, Guard
    from .plan import Plan

logger = logging.getLogger("umbel.worker")


class Attempt(Run):
    """A run that can be run: what a pool gets (`pool.Attempt`).

    Args:
        desk: where its outcome is written up.
        plan, delivery, request: see `Run`.
    """

    token: Token[Any]
    is_traced = False

    def __init__(self, desk: Desk, plan: Plan, delivery: Delivery, request: Context) -> None:
        super().__init__(plan, delivery, request)
        self.desk = desk

    def run(self, guard: Guard) -> Outcome:
        """Run a function."""
        if self.plan.tracer is not None and not self.is_traced:
            self.is_traced = True
            outcome: Outcome = traced(self.plan.tracer, self.request, partial(self.run, guard))
            return outcome
        self._begin()
        plan, request = self.plan, self.request
        try:
            if plan.prepares or signals.task_prerun.receivers:
                value = guard.call(plan.function, *self._prepare())
            else:
                value = guard.call(plan.function, request.args, request.kwargs)
        except BaseException as error:  # whatever a task raises is its outcome; a stop is Interrupted
            return self._raised(error)
        return self._returned(value)

    async def arun(self, guard: AsyncGuard) -> Outcome:
        """Run a coroutine function."""
        self._begin()
        try:
            args, kwargs = self._prepare()
            value = await guard.acall(self.plan.function, args, kwargs)
        except BaseException as error:  # as in run()
            return self._raised(error)
        return self._returned(value)

    def _begin(self) -> None:
        self.token = push_request(self.plan.task, self.request)
        self.started = now = clock.monotonic()
        self.desk.running[self.tag] = self
        self.cell = self.desk.row.begin(self.tag, now, now + self.hard if self.hard else 0.0)

    def _prepare(self) -> tuple[Any, Any]:
        plan, request = self.plan, self.request
        args, kwargs = request.args, request.kwargs
        if plan.convert:
            args, kwargs = plan.task.arguments(args, kwargs)
        if signals.task_prerun.receivers:
            signals.task_prerun.send(
                sender=plan.task, task_id=request.id, task=plan.task, args=request.args, kwargs=request.kwargs
            )
        if plan.before_start:
            plan.task.before_start(request.id, request.args, request.kwargs)
        return args, kwargs

    def _end(self) -> None:
        self.stopped = clock.monotonic()
        self.runtime = self.stopped - self.started
        self.desk.leave(self)

    def _returned(self, value: Any) -> Outcome:
        self._end()
        if self.cut_short or self.settled:
            return self._leave(Release(self.delivery), states.RETRY, None)
        try:
            outcome = self.desk.done(self, value, self.runtime)
        except Exception as error:  # the value cannot be encoded, or a callback cannot be built: the task failed
            return self._failed(error)
        return self._leave(outcome, states.SUCCESS, value)

    def _raised(self, error: BaseException) -> Outcome:
        self._end()
        return self._failed(error)

    def _failed(self, error: BaseException) -> Outcome:
        try:
            return self._judged(error)
        except Exception as trouble:  # the net: whatever a message holds, its outcome may not end the child
            pop_request(self.token)
            return self.desk.unwritten(self, trouble)

    def _judged(self, error: BaseException) -> Outcome:
        desk = self.desk
        if isinstance(error, Interrupted) or self.cut_short or self.settled:
            return self._leave(Release(self.delivery), states.RETRY, error)
        if isinstance(error, Retry):
            return self._leave(desk.retry(self, error), states.RETRY, error)
        if isinstance(error, Ignore):
            logger.info("Task %s[%s] ignored", self.plan.name, self.request.id)
            return self._leave(desk.ignored(self, error), states.IGNORED, error)
        if isinstance(error, Reject):
            outcome = Release(self.delivery) if error.requeue else desk.rejected(self, error)
            return self._leave(outcome, states.REJECTED, error)
        if isinstance(error, Terminated | TaskRevokedError):
            logger.warning("Task %s[%s] terminated", self.plan.name, self.request.id)
            return self._leave(desk.withdrawn(self.request, self.delivery, error), states.REVOKED, error)
        return self._leave(desk.raised(self, error), states.FAILURE, error)

    def _leave(self, outcome: Outcome, status: str, value: Any) -> Outcome:
        if self.plan.after_return or signals.task_postrun.receivers:
            self.desk.after_return(self, status, value, value if status != states.SUCCESS else None)
        pop_request(self.token)
        return outcome
