"""Replacing a running task by other work, and adding to the chord that it is a member of.

The replacement takes the task's own id, its place in a group and a chord, its callbacks, and what was to come after it.
In a worker it is not sent here: it leaves in the step that removes the task's own message.
"""

from __future__ import annotations

from typing import Any

from ..canvas import collecting, derived, signature
from ..exceptions import Ignore, ImproperlyConfigured

_REPLACED = -1
"""The position of a replacement among the follow-ups of a task, from which its ids are made."""


def replacement(task: Any, sig: Any) -> Any:
    """The signature that takes a running task's place."""
    request = task.request
    if "chord" in sig.options:
        raise ImproperlyConfigured("What replaces a task must not be the member of a chord itself.")
    if sig.subtask_type == "chain" and not sig.tasks:
        raise ImproperlyConfigured("A task cannot be replaced by an empty chain.")
    with derived(request.id, _REPLACED, request.reply_to):
        return _with_the_rest(task.app, request, _in_its_place(task, request, _linkable(task, sig)))


def _linkable(task: Any, sig: Any) -> Any:
    """A group has no end to link to: it becomes a chord whose body passes its results on."""
    collect = task.app.tasks["celery.accumulate"].s(index=0)
    if sig.subtask_type == "group":
        return sig | collect
    if sig.subtask_type == "chain" and sig.tasks[-1].subtask_type == "group":
        sig.tasks = [*sig.tasks]
        sig.tasks[-1] |= collect
    return sig


def _in_its_place(task: Any, request: Any, sig: Any) -> Any:
    for callback in request.callbacks or ():
        sig.link(signature(callback, app=task.app))
    for errback in request.errbacks or ():
        sig.link_error(signature(errback, app=task.app))
    if sig.subtask_type == "chain" and "link" in sig.options:
        sig.tasks[-1].extend_list_option("link", sig.options.pop("link"))
    sig.freeze(request.id)
    return sig.set(
        chord=request.chord, group_id=request.group, group_index=request.group_index, root_id=request.root_id,
        replaced_task_nesting=_nesting(request),
    )  # fmt: skip


def _with_the_rest(app: Any, request: Any, sig: Any) -> Any:
    if sig.subtask_type == "chain":
        for step in sig.tasks:
            step.set(replaced_task_nesting=_nesting(request))
    for form in reversed(request.chain or ()):
        sig |= signature(form, app=app).set(replaced_task_nesting=_nesting(request))
    return sig


def _nesting(request: Any) -> int:
    return int(request.replaced_task_nesting) + 1


def send_replacement(task: Any, sig: Any) -> Any:
    """Run it here when the task runs eagerly; otherwise it leaves with the end of the task, which is now."""
    request = task.request
    if request.is_eager:
        return sig.apply().get()
    with derived(request.id, _REPLACED - 1, request.reply_to), collecting() as outbox:
        sig.delay()
    request.replaced_by = tuple(outbox.parcels)
    raise Ignore("Replaced by new task")
