"""What belongs to no app in particular: `shared_task`, `current_app` and `current_task`."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from typing import Any, Literal, ParamSpec, TypeVar, overload

from ..current import get_app, running_task, set_default
from ..loading import exists
from ..proxy import Proxy
from ..registry import TaskRegistry
from ..task import Task
from ..task.calls import sending_request
from .base import Umbel
from .tasks import AsyncTask, BoundDecorator, Decorator, decorated, shared

P = ParamSpec("P")
R = TypeVar("R")


def get_current_app() -> Umbel:
    """The current app of this thread; an app called ``default`` when there is none yet, see `make_default`."""
    found: Umbel | None = get_app()
    return make_default() if found is None else found


def make_default() -> Umbel:
    """The app of a program that makes none, from now on that of threads that have none.

    It has the settings of the module ``celeryconfig``, or the one that CELERY_CONFIG_MODULE names, as in Celery.
    """
    app = Umbel("default", set_as_current=False)
    named = os.environ.get("CELERY_CONFIG_MODULE")
    if named or exists("celeryconfig"):
        app.config_from_object(named or "celeryconfig")
    set_default(app)
    return app


def get_current_worker_task() -> Task[..., Any] | None:
    """The running task, past those that it calls as functions; None outside of tasks."""
    request = sending_request()
    return None if request is None else request.running


def app_or_default(app: Umbel | None = None) -> Umbel:
    """``app``, or the current one."""
    return get_current_app() if app is None else app


def _tasks() -> Any:
    return get_current_app().tasks


def bugreport(app: Umbel | None = None) -> str:
    """What to put into a bug report about an app, or about the current one; see `Umbel.report`."""
    return app_or_default(app).report()


tasks: TaskRegistry[Task[..., Any]] = Proxy(_tasks, "tasks")  # type: ignore[assignment]  # as below
"""The tasks of the current app (``celery.registry.tasks``)."""

current_app: Umbel = Proxy(get_current_app, "current_app")  # type: ignore[assignment]  # it behaves like one
"""Stands for the current app."""

current_task: Task[..., Any] = Proxy(running_task, "current_task")  # type: ignore[assignment]  # as above
"""Stands for the running task; false outside of tasks."""


@overload
def shared_task(fun: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
@overload
def shared_task(fun: Callable[P, R], /) -> Task[P, R]: ...
@overload
def shared_task(*, bind: Literal[True], **kwargs: Any) -> BoundDecorator: ...
@overload
def shared_task(*, bind: Literal[False] = ..., **kwargs: Any) -> Decorator: ...
def shared_task(*args: Any, **kwargs: Any) -> Any:
    """Make a function a task of every app, for libraries that know none.

    What is returned stands for the task of the current app. Arguments are those of `Umbel.task`.

    Example:
        >>> @shared_task
        ... def clean(path: str) -> None: ...
    """
    return decorated(args, kwargs, _share)


def _share(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    given = {option: value for option, value in options.items() if option not in ("shared", "lazy")}
    shared.add(function, given)
    wanted = given.get("name")

    def find() -> Any:
        app = get_current_app()
        return app.tasks[wanted or app.gen_task_name(function.__name__, function.__module__)]

    return Proxy(find, function.__name__)
