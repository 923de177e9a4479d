"""The reporter: what one child says about its tasks to those who watch (`event`). It decides nothing.

While nobody asked for events it does nothing, and nothing on the path of a task looks whether it should: the runner
makes plain attempts. While somebody did, it makes `watched` ones, which report that they begin and what they return;
failures are reported where they are written up anyway (`desk`).

What an attempt came to is kept here until the settler has made it durable, and dropped when it was fenced: a monitor
never hears of an outcome that is not one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..event import MULTI, made
from ..exceptions import Terminated
from ..saferepr import saferepr
from .documents import safe_repr

if TYPE_CHECKING:
    from ..app import Umbel
    from ..context import Context
    from ..message import Delivery
    from ..outcome import Outcome
    from .plan import Plan
    from .run import Run


class Reporter:
    """One child's.

    Args:
        app: the application.
        node: name of the worker.
        supervisor: its pid, negative while nobody wants events, 0 where there is none.

    Attributes:
        on: whether somebody wants events about tasks.
        waiting: tag of a message -> the event that says what became of it, until it is settled.
    """

    def __init__(self, app: Umbel, node: str, supervisor: int = 0) -> None:
        self.on = supervisor > 0
        self.waiting: dict[int, dict[str, Any]] = {}
        self._app = app
        self._node = node
        self._pid = abs(supervisor) or os.getpid()

    def received(self, request: Context, plan: Plan | None = None) -> None:
        """A message was taken that is going to run, or to be discarded."""
        self._say(plan, "task-received", {
            "uuid": request.id, "name": request.task, "args": request.argsrepr, "kwargs": request.kwargsrepr,
            "root_id": request.root_id, "parent_id": request.parent_id, "retries": request.retries, "eta": request.eta,
            "expires": request.expires,
        })  # fmt: skip

    def started(self, run: Run) -> None:
        """Its function begins."""
        self._say(run.plan, "task-started", {"uuid": run.request.id})

    def succeeded(self, run: Run, value: Any) -> None:
        """Its function returned."""
        plan = run.plan
        shown = "..." if plan.redact else saferepr(value, plan.task.resultrepr_maxsize)
        fields = {"uuid": run.request.id, "result": shown, "runtime": run.runtime}
        self._keep(run.delivery, plan, "task-succeeded", fields)

    def failed(
        self, request: Context, delivery: Delivery, plan: Plan | None, error: BaseException, traceback: str | None
    ) -> None:  # fmt: skip
        """It ends as FAILURE."""
        fields = _error(request, plan, error, traceback)
        self._keep(delivery, plan, "task-failed", fields)

    def retried(self, run: Run, cause: BaseException, traceback: str) -> None:
        """It will run again."""
        self._keep(run.delivery, run.plan, "task-retried", _error(run.request, run.plan, cause, traceback))

    def rejected(self, run: Run, *, requeue: bool) -> None:
        """Its function refused the message."""
        self._keep(run.delivery, run.plan, "task-rejected", {"uuid": run.request.id, "requeue": requeue})

    def revoked(self, request: Context, delivery: Delivery, error: BaseException) -> None:
        """It ends as REVOKED."""
        terminated = isinstance(error, Terminated)
        name = str(error.args[0]) if terminated and error.args else ""
        number = getattr(signal, name, None) if name.startswith("SIG") else None
        fields = {
            "uuid": request.id, "terminated": terminated, "signum": None if number is None else int(number),
            "expired": error.args[:1] == ("expired",),
        }  # fmt: skip
        self._keep(delivery, None, "task-revoked", fields)

    def settled(self, outcomes: Iterable[Outcome], fenced: list[Outcome]) -> None:
        """These are durable, but for those that were dropped: say what became of them."""
        dropped = {outcome.delivery.tag for outcome in fenced}
        for outcome in outcomes:
            if outcome.parcels and self._app.tells_sent and outcome.delivery.tag not in dropped:
                self._app.tell_sent(outcome.parcels)
            event = self.waiting.pop(outcome.delivery.tag, None)
            if event is not None and outcome.delivery.tag not in dropped:
                self._app.events.herald.post(MULTI, self._node, event)

    def _say(self, plan: Plan | None, kind: str, fields: dict[str, Any]) -> None:
        if plan is None or plan.task.send_events:
            events = self._app.events
            events.herald.post(MULTI, self._node, made(kind, self._node, self._pid, events.clock, fields))

    def _keep(self, delivery: Delivery, plan: Plan | None, kind: str, fields: dict[str, Any]) -> None:
        if self.on and (plan is None or plan.task.send_events):
            self.waiting[delivery.tag] = made(kind, self._node, self._pid, self._app.events.clock, fields)


def _error(request: Context, plan: Plan | None, error: BaseException, traceback: str | None) -> dict[str, Any]:
    """What the events of a failure and of a retry say; of a task whose arguments are kept secret only the type."""
    if plan is not None and plan.redact:
        return {"uuid": request.id, "exception": type(error).__name__, "traceback": None}
    fields: dict[str, Any] = {"uuid": request.id, "exception": safe_repr(error)}
    return {**fields, "traceback": traceback} if traceback is not None else fields
