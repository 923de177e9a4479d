"""The tasks that every app has, under Celery's names: they run what `canvas` writes into messages."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from inspect import isawaitable
from typing import Any, Final

from ..canvas import CONTINUE, collecting, derived, forget, maybe_signature, stored
from ..current import running_task
from ..exceptions import ChainLostError, Ignore, OperationalError
from ..task import Task
from ..task.eager import run_coroutine


def _calls(task: Any) -> Callable[..., Any]:
    """The task of a signature, as a function."""
    found: Task[..., Any] = running_task().app.tasks[task["task"]]

    def call(*args: Any) -> Any:
        value = found(*args)
        return run_coroutine(_awaited(value)) if isawaitable(value) else value

    return call


async def _awaited(value: Any) -> Any:
    return await value


def map_task(task: Any, it: Iterable[Any]) -> list[Any]:
    """Call a task with each of these arguments."""
    call = _calls(task)
    return [call(argument) for argument in it]


def starmap_task(task: Any, it: Iterable[Any]) -> list[Any]:
    """Call a task with each of these lists of arguments."""
    call = _calls(task)
    return [call(*arguments) for arguments in it]


def accumulate(*args: Any, **kwargs: Any) -> Any:
    """What it was given, or the argument of the position ``index``."""
    index = kwargs.get("index")
    return list(args) if index is None else args[index]


def go_on(task: Any, results: list[Any], body: Any) -> Any:
    """Send the body of a chord that is a workflow itself, with the results of the chord's header."""
    request = task.request
    try:
        with derived(request.id, 0, request.reply_to), collecting() as outbox:
            maybe_signature(body, app=task.app).clone().apply_async((results,))
    except Exception:
        request.embed["chain"] = [body]  # it cannot be sent, so what waits for it fails with this task
        raise
    request.replaced_by = tuple(outbox.parcels)
    raise Ignore("Its body was sent")


def backend_cleanup() -> None:
    """Nothing: umbel's stores remove expired results by themselves. Schedulers that were written for Celery send it."""


def go_further(task: Any, *values: Any, tail: str, part: int, end: Any) -> Any:
    """Go on with the next segment of a long chain (`canvas.segments`): it follows this task, with the value it got."""
    request = task.request
    try:
        steps = stored(task.app, tail, part)
    except OperationalError as error:
        raise task.retry(exc=error, countdown=min(2**request.retries, 60), max_retries=None) from error
    if steps is None:
        request.embed["chain"] = [end] if end else []  # whoever waits for the last step hears of it
        raise ChainLostError(
            f"The rest of this chain is gone, from its segment {part} on: it is kept as long as result_chord_expires "
            "says, or result_expires. Set it to more than such a chain takes."
        )
    request.embed["chain"] = steps
    if part > 1:
        with contextlib.suppress(OperationalError):  # it expires
            forget(task.app, tail, part - 1)
    return values[0] if values else None


BUILTINS: Final[dict[str, Callable[..., Any]]] = {
    "umbel.go_on": go_on,
    "celery.backend_cleanup": backend_cleanup,
    CONTINUE: go_further,
    "celery.map": map_task,
    "celery.starmap": starmap_task,
    "celery.accumulate": accumulate,
}
"""Task name -> function."""

BOUND: Final = frozenset({"umbel.go_on", CONTINUE})
"""Those that get the task as their first argument."""
