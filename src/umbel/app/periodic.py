"""The messages of one run of an entry, built and not sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..canvas.outgoing import collecting
from ..current import Outbox
from ..message import ONCE_HEADER
from ..schedules import Entry, evaluated
from ..sender import Sender

HEADER: Final = "celery_beat_task"
"""Of every message that a scheduler sends, as in Celery."""


def composed(app: Sender, entry: Entry, task_id: str, at: float, *, once: bool = False) -> Outbox:
    """By the task's own `apply_async` when it is known here, as in Celery, so that who overrides it has his say.

    Args:
        app: whose tasks and settings hold.
        entry: what runs.
        task_id: of its task.
        at: unix time from which `expires` counts.
        once: its messages say that they run once, however often they are sent.
    """
    options = dict(entry.options)
    options.pop("task_id", None)
    options["headers"] = {**(options.get("headers") or {}), HEADER: True}
    if once:
        options["headers"][ONCE_HEADER] = True
    if entry.policy.expires is not None:
        options["expires"] = datetime.fromtimestamp(at, UTC) + timedelta(seconds=entry.policy.expires)
    task: Any = app.tasks.get(entry.task)
    args, kwargs = evaluated(entry.args, entry.kwargs)
    with collecting() as outbox:
        if task is not None:
            task.apply_async(args, kwargs, task_id=task_id, **options)
        else:
            app.send_task(entry.task, args, kwargs, task_id=task_id, **options)
    return outbox
