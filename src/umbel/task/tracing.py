"""The seam around a run that tracers replace, by Celery's name for it: ``celery.app.trace.build_tracer``.

    plan -- build_tracer(name, task) --> tracer          once for each task in each child
    attempt -- tracer(id, args, kwargs, step) --> step.go() --> hooks, signals, the function

Nothing goes through it until somebody has replaced `build_tracer`, so nobody pays for what nobody watches. Whatever
a tracer raises or returns, the outcome is that of the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ..context import Context

logger = logging.getLogger("umbel.worker")

Tracer: TypeAlias = Callable[..., Any]


class Step:
    """What a tracer gets as the request: it reads like the run's `Context`, as mapping and by attributes.

    Args:
        request: of the run.
        run: goes on with it.

    Attributes:
        outcome: of the run, None before it.
    """

    def __init__(self, request: Context, run: Callable[[], Any]) -> None:
        self._request = request
        self._run = run
        self.outcome: Any = None

    def go(self) -> None:
        """Run; a second call does nothing."""
        if self.outcome is None:
            self.outcome = self._run()

    def get(self, key: str, default: Any = None) -> Any:
        """A field of the request, or a default."""
        return getattr(self._request, key, default)

    def __getitem__(self, key: str) -> Any:
        try:
            return getattr(self._request, key)
        except AttributeError:
            raise KeyError(key) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


def build_tracer(name: str, task: Any, *args: Any, **kwargs: Any) -> Tracer:
    """What runs a task: a function of its id, arguments, keyword arguments and request.

    Args:
        name: of the task.
        task: itself.
        args, kwargs: accepted, Celery's: loader, hostname, app and others.
    """
    return _trace


def _trace(uuid: str, args: Any, kwargs: Any, request: Any = None) -> None:
    request.go()


_PLAIN: Final = build_tracer


def tracer_of(task: Any, app: Any, hostname: str) -> Tracer | None:
    """What tracers have put around the runs of a task; None when there is nothing."""
    if build_tracer is _PLAIN:
        return None
    try:
        return build_tracer(task.name, task, app=app, hostname=hostname)
    except Exception:
        logger.exception("A tracer cannot be put around the task %s; it runs without", task.name)
        return None


def traced(tracer: Tracer, request: Context, run: Callable[[], Any]) -> Any:
    """The outcome of a run, with a tracer around it."""
    step = Step(request, run)
    try:
        tracer(request.id, request.args, request.kwargs, step)
    except BaseException:  # its own trouble: a run raises nothing
        logger.exception("The tracer of task %s[%s] raised; the outcome stands", request.task, request.id)
    step.go()
    return step.outcome


def task_has_custom(task: Any, attr: str) -> bool:
    """Whether the class of a task has a method of its own in the place of `Task`'s.

    Args:
        task: the task.
        attr: name of the method, for instance ``__call__``.
    """
    found: bool = task.overrides(attr)
    return found
