"""Follow-ups of one task: `link` after success, `link_error` after failure, as parcels of the same settle.

Ids are derived from the parent's id and the position, so that a repeated run sends the same follow-ups again and not
new ones. An errback that takes more than one positional argument and is known here is called in this process with
``(request, exc, traceback)``, as in Celery; any other is sent as a task with the failed task's id.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..app import Umbel
    from ..context import Context
    from ..message import Parcel

logger = logging.getLogger("umbel.worker")


def link_parcels(app: Umbel, request: Context, value: Any) -> tuple[Parcel, ...]:
    """The messages of the ``link`` callbacks of a task that returned `value`."""
    return tuple(
        app.build_signature(callback, (value,), request, position)
        for position, callback in enumerate(request.callbacks or ())
    )


def errback_parcels(app: Umbel, request: Context, error: BaseException, traceback: str | None) -> tuple[Parcel, ...]:
    """Call or build the ``link_error`` callbacks of a failed task."""
    parcels = []
    for position, errback in enumerate(request.errbacks or ()):
        try:
            task = app.tasks.get(errback.get("task", ""))
            taken = len(errback.get("args") or ())
            if task is not None and not task.is_async and not task.bound and task.shape.high - taken > 1:
                task(*(errback.get("args") or ()), request, error, traceback, **(errback.get("kwargs") or {}))
            else:
                parcels.append(app.build_signature(errback, (request.id,), request, position))
        except Exception:  # a user's errback may raise anything; the failure it was told of stands
            logger.exception("The errback %s of task %s[%s] failed", errback, request.task, request.id)
    return tuple(parcels)
