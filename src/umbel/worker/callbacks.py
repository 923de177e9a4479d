"""Follow-ups of one task: `link` and the next step of a chain after success, `link_error` after failure.

They are parcels of the settle that ends the task.

Ids are derived from the parent's id and the position, so that a repeated run sends the same follow-ups again and not
new ones. An errback that takes more than one positional argument and is known here is called in this process with
``(request, exc, traceback)``, as in Celery; after a hard limit on a thread of its own (`aside`). Any other is sent as a
task with the failed task's id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..canvas import follow_up

if TYPE_CHECKING:
    from ..app import Umbel
    from ..context import Context
    from ..message import Parcel

logger = logging.getLogger("umbel.worker")

Caller = Callable[[Callable[[], Any]], None]
"""How an errback of this process is called: here and now, or aside, where nobody waits for it."""


def next_parcels(app: Umbel, request: Context, value: Any) -> tuple[Parcel, ...]:
    """The messages that follow a task that returned `value`: its ``link`` callbacks, and the next step of its chain."""
    callbacks, chain = request.callbacks or (), request.chain
    found = [
        parcel
        for position, callback in enumerate(callbacks)
        for parcel in follow_up(app, callback, (value,), request, position)
    ]
    if chain:
        found += follow_up(app, chain[-1], (value,), request, len(callbacks), chain=chain[:-1])
    return tuple(found)


def at_once(step: Callable[[], Any]) -> None:
    """Call it here and now."""
    step()


def errback_parcels(
    app: Umbel, request: Context, error: BaseException, traceback: str | None, call: Caller = at_once
) -> tuple[Parcel, ...]:
    """Call (by ``call``) or build the ``link_error`` callbacks of a failed task."""
    parcels: list[Parcel] = []
    for position, errback in enumerate(request.errbacks or ()):
        try:
            task = app.tasks.get(errback.get("task", ""))
            taken = len(errback.get("args") or ())
            if task is not None and not task.is_async and not task.bound and task.shape.high - taken > 1:
                call(partial(_tell, task, errback, request, error, traceback))
            else:
                parcels += follow_up(app, errback, (request.id,), request, position)
        except Exception:  # a callback of a wrong shape; the failure it was to be told of stands
            logger.exception("The errback %s of task %s[%s] cannot be sent", errback, request.task, request.id)
    return tuple(parcels)


def _tell(task: Any, errback: dict[str, Any], request: Context, error: BaseException, traceback: str | None) -> None:
    try:
        task(request, error, traceback, *(errback.get("args") or ()), **(errback.get("kwargs") or {}))
    except Exception:  # a user's errback may raise anything; the failure it was told of stands
        logger.exception("The errback %s of task %s[%s] failed", errback, request.task, request.id)
