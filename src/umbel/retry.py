"""Retrying: when a task is run again, with which arguments, and when it is given up.

    task raises --autoretry--> retry() --left?--> Retry with the next attempt --worker--> settled with this one
                                  \\--no--> the error itself, or MaxRetriesExceededError

Nothing is sent here inside a worker: `Retry` carries the next attempt as a parcel, and the worker stores it in the same
step that removes this one.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn, Protocol

from .backoff import exponential
from .canvas import Signature
from .context import Context
from .exceptions import Ignore, MaxRetriesExceededError, Reject, Retry
from .routing import OWN_QUEUE
from .sender import App


class Retrying(Protocol):
    """What retrying sees of a task."""

    name: str
    max_retries: int | None
    default_retry_delay: float

    @property
    def app(self) -> App: ...

    @property
    def request(self) -> Context: ...

    def signature_from_request(self, request: Any, args: Any, kwargs: Any, **options: Any) -> Signature[Any]: ...


def retry(
    task: Retrying, args: Any, kwargs: Any, exc: BaseException | None, throw: bool, eta: datetime | None,
    countdown: float | None, max_retries: int | None, options: dict[str, Any],
) -> Retry:  # fmt: skip
    """What `Task.retry` does; see there."""
    request = task.request
    retries = request.retries + 1
    limit = task.max_retries if max_retries is None else max_retries
    if max_retries is not None:
        task.override_max_retries = max_retries  # type: ignore[attr-defined]  # Celery's name; autoretry reads it
    if request.called_directly:
        _raise_in_context(exc or Retry("Task can be retried", None))
    if eta is None and countdown is None:
        countdown = task.default_retry_delay
    following = task.signature_from_request(
        request, args, kwargs, countdown=countdown, eta=eta, retries=retries, **options
    )
    if limit is not None and retries > limit:
        if exc is not None:
            _raise_in_context(exc)
        words = f"Can't retry {task.name}[{request.id}] args:{following.args} kwargs:{following.kwargs}"
        raise MaxRetriesExceededError(words, task_args=following.args, task_kwargs=following.kwargs)
    again = Retry(exc=exc, when=eta or countdown, is_eager=request.is_eager, sig=following)
    if not request.is_eager:
        _attach(task, again, following, throw)
    if throw:
        raise again
    return again


def _attach(task: Retrying, again: Retry, following: Signature[Any], throw: bool) -> None:
    """Build the next attempt; when nothing is thrown the task goes on, so it is sent here and now."""
    try:
        app = task.app
        options = _back(following.options, task.request)
        template = app.template(task.name, task, options, (following.args, following.kwargs))
        parcel = app.fill(template, following.args, following.kwargs, str(following.id), None)
        again.parcel = parcel
        if throw:
            app.tell_published((parcel,))
        else:
            app.publish(template.spread(parcel), template.retry_policy)
    except Exception as error:  # whatever keeps the next attempt from being built or sent: it is set aside
        raise Reject(error, requeue=False) from error


def _back(options: Mapping[str, Any], request: Context) -> Mapping[str, Any]:
    """The options of the next attempt.

    A message that an exchange has put into several queues is several attempts; each goes on in its own queue, and not
    once more in all of them.
    """
    info = request.delivery_info or {}
    way = (info.get("exchange"), info.get("routing_key"))
    if not way[0] or options.get("queue") or (options.get("exchange"), options.get("routing_key")) != way:
        return options
    return {**options, OWN_QUEUE: request.came_from}


def _raise_in_context(error: BaseException) -> NoReturn:
    """Raise, with the exception that is being handled as its cause."""
    handled = sys.exception()
    if handled is None:
        raise error
    if handled is error:
        raise error.with_traceback(error.__traceback__)
    raise error from handled


def rebound(
    names: tuple[str, ...], old: tuple[Any, Mapping[str, Any]], args: Any, kwargs: Mapping[str, Any] | None
) -> tuple[Any, dict[str, Any]]:
    """The arguments of the next attempt, when `retry` was given only one kind of them.

    Args:
        names: the function's positional parameters.
        old: arguments and keyword arguments of this attempt.
        args, kwargs: what `retry` was given, None for what is to stay.

    Example:
        >>> rebound(("x", "y"), ((1, 2), {}), None, {"y": 5})
        ((1,), {'y': 5})
        >>> rebound(("x", "y"), ((), {"x": 1, "y": 2}), (9,), None)
        ((9,), {'y': 2})
    """
    old_args, old_kwargs = old
    if args is not None and kwargs is not None:
        return args, dict(kwargs)
    if args is not None:
        taken = names[: len(args)]
        return args, {name: value for name, value in old_kwargs.items() if name not in taken}
    if kwargs is None:
        return old_args, dict(old_kwargs)
    clash = min((names.index(name) for name in kwargs if name in names[: len(old_args)]), default=len(old_args))
    moved = dict(zip(names[clash:], old_args[clash:], strict=False))
    if len(moved) < len(old_args) - clash:  # *args cannot be moved to keywords: replace in place
        changed = [kwargs.get(name, value) for name, value in zip(names, old_args, strict=False)]
        rest = {name: value for name, value in kwargs.items() if name not in names[: len(old_args)]}
        return (*changed, *old_args[len(names) :]), {**old_kwargs, **rest}
    return old_args[:clash], {**moved, **old_kwargs, **kwargs}


def autoretry(task: Any, run: Callable[..., Any], is_async: bool) -> Callable[..., Any]:
    """`run` with the task's ``autoretry_for`` around it; `run` itself when it names nothing."""
    wanted = tuple(task.autoretry_for or ())
    if not wanted:
        return run
    passing = (Ignore, Retry, *(task.dont_autoretry_for or ()))

    @functools.wraps(run)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return run(*args, **kwargs)
        except passing:
            raise
        except wanted as error:
            raise _again(task, error) from error

    @functools.wraps(run)
    async def aguarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return await run(*args, **kwargs)
        except passing:
            raise
        except wanted as error:
            raise _again(task, error) from error

    return aguarded if is_async else guarded


def _again(task: Any, error: BaseException) -> BaseException:
    options = dict(task.retry_kwargs or {})
    if task.retry_backoff:
        factor = 1 if task.retry_backoff is True else task.retry_backoff
        options["countdown"] = exponential(
            factor=factor, retries=task.request.retries, maximum=task.retry_backoff_max, jitter=task.retry_jitter
        )
    if getattr(task, "override_max_retries", None) is not None:
        options["max_retries"] = task.override_max_retries
    found: BaseException = task.retry(exc=error, **options)
    return found
