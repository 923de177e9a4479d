"""What a workflow ends with: one task, or a group, which ends as often as it has members.

Where one result is asked for (a member of a chord, the work that replaces a task), a group at the end becomes a chord
whose body passes the list of results on.
"""

from __future__ import annotations

from typing import Any, Final

from .base import maybe_signature
from .kinds import SINGLE, is_a, make

COLLECT: Final = "celery.accumulate"
"""Task that passes the list of results on; every worker has it, Celery's too."""


def ending_once(task: Any, app: Any = None) -> Any:
    """The signature itself when it ends with one task, else a copy that does: its result is the list.

    A group that is the member of a chord already is left as it is: others know its members' ids.

    Args:
        task: a signature of any kind, or its dictionary form.
        app: for what is added.
    """
    if not is_a(task, SINGLE):
        task = maybe_signature(task, app=app)
    if is_a(task, "group"):
        if not task.tasks or "group_id" in task.options:
            return task
        return task | make(SINGLE, COLLECT, (), {"index": 0}, app=app)
    if is_a(task, "chain") and task.tasks:
        last = ending_once(task.tasks[-1], app)
        if last is not task.tasks[-1]:
            task = task.clone()
            task.tasks = [*task.tasks[:-1], last]
    elif is_a(task, "chord") and task.body:
        body = ending_once(task.body, app)
        if body is not task.body:
            task = task.clone()
            task.body = body
    return task


def members_once(tasks: Any, app: Any = None) -> list[Any]:
    """The members of a header, each of which ends once; groups among them are members side by side, as in Celery."""
    found = []
    for task in tasks:
        if is_a(task, "group"):
            inner = members_once(task.tasks, app)
            if any(one is not old for one, old in zip(inner, task.tasks, strict=True)):
                task = task.clone()  # noqa: PLW2901 - the caller's own group stays as it is
                task.tasks = inner
            found.append(task)
        else:
            found.append(ending_once(task, app))
    return found
