"""The plan of a task: what an attempt needs to know about it, looked up once a child instead of once a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..exceptions import TimeLimitExceeded
from ..pacing import Paced
from ..task.tracing import tracer_of
from ..utils.time import interval
from .rates import CLUSTER, scope

if TYPE_CHECKING:
    from ..app import Umbel
    from ..task import Task
    from .options import WorkerOptions


class Plan:
    """One task's facts.

    Attributes:
        function: what the guard calls: ``task.run``, or the task itself when its class overrides ``__call__``.
        soft, hard: limits in seconds from the task or the worker, None for none; a message's own limits come first.
        early: True when the user explicitly chose that a lost worker fails the task: ``acks_late=False``, or
            ``reject_on_worker_lost=False``.
        keep: store its results.
        keep_errors: store its failures even when results are not kept.
        seconds: measured time of a run on the loop's own thread, None before the first.
        interval: seconds between two starts of it in one worker (`rates`), 0.0 without a rate limit.
        together: all workers keep this limit together (`pacing`).
        tally: the cell of the page that counts its runs.
        gathers: its class has a strategy of its own, which runs its messages together (`gathering`).
        tracer: what tracers have put around its runs (`task.tracing`), None for nothing; functions only.
        prepares: arguments must be converted, or ``before_start`` called, before the function runs.
        buries_failed, buries_overdue: the user chose that what failed, or ran past its hard limit, is not acknowledged
            but set aside: ``acks_on_failure=False``, ``acks_on_timeout=False``; only what is acknowledged late.
    """

    __slots__ = (
        "after_return", "before_start", "buries_failed", "buries_overdue", "convert", "early", "function", "gathers",
        "hard", "interval", "is_async", "keep", "keep_errors", "name", "on_failure", "on_retry", "on_success",
        "prepares", "redact", "seconds", "serializer", "soft", "tally", "task", "throws", "together", "tracer", "track",
    )  # fmt: skip

    def __init__(self, task: Task[..., Any], app: Umbel, options: WorkerOptions) -> None:
        self.task = task
        self.seconds: float | None = None
        self.tally = 0
        self.name = task.name
        self.is_async = task.is_async
        # first of all: a tracer may put itself around the task's function too
        self.gathers = task.overrides("Strategy")
        self.tracer = None if task.is_async else tracer_of(task, app, options.hostname)
        self.function: Callable[..., Any] = task if task.custom_call else task.run
        self.soft = _first(task.soft_time_limit, options.soft_time_limit)
        self.hard = _first(task.time_limit, options.time_limit)
        self.early = task.acks_late is False or task.reject_on_worker_lost is False
        self.buries_failed = task.acks_late is not False and task.acks_on_failure is False
        self.buries_overdue = task.acks_late is not False and task.acks_on_timeout is False
        self.interval = 0.0 if app.conf.worker_disable_rate_limits else interval(task.rate_limit)
        self.together = bool(self.interval) and scope(task, app.conf) == CLUSTER and isinstance(app.broker, Paced)
        self.keep = not task.ignore_result
        self.keep_errors = bool(task.store_errors_even_if_ignored)
        self.track = bool(task.track_started)
        throws: Any = task.throws or ()
        self.throws = (throws,) if isinstance(throws, type) else tuple(throws)
        self.convert = task.converts
        self.serializer: str = app.conf.result_serializer
        self.redact = bool(task.redact or app.conf.task_redact_args)
        self.before_start = task.overrides("before_start")
        self.on_success = task.overrides("on_success")
        self.on_failure = task.overrides("on_failure")
        self.on_retry = task.overrides("on_retry")
        self.after_return = task.overrides("after_return")
        self.prepares = self.convert or self.before_start

    def burial(self, error: BaseException) -> str:
        """Why the message of a run that failed with ``error`` is set aside; "" when it is acknowledged and gone."""
        if isinstance(error, TimeLimitExceeded):
            return "it ran past its hard time limit, and acks_on_timeout is off" if self.buries_overdue else ""
        return f"it failed with {type(error).__name__}, and acks_on_failure is off" if self.buries_failed else ""


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
