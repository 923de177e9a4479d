"""Replacing a running task by other work, and adding to the chord that it is a member of.

In a worker nothing is sent here: it leaves in the step that ends the task's own message. The replacement takes the
task's own id, its place in a group and a chord, its callbacks, and what was to come after it.
"""

from __future__ import annotations

from typing import Any

from ..canvas import ADDS, collecting, derived, ending_once, signature
from ..exceptions import Ignore, ImproperlyConfigured

_REPLACED = -1
"""The position of a replacement among the follow-ups of a task, from which its ids are made."""

_ADDED = _REPLACED - 2
"""The position of the first member that it adds to its chord; those of the others are below it."""


class Replacing:
    """What a running task can do to its own workflow; a base of `Task`."""

    def replace(self, sig: Any) -> Any:
        """Put other work in the place of this run: it gets this task's id, callbacks, and what comes after it.

        Nothing after it is reached, so write ``return self.replace(...)``.

        Args:
            sig: a signature of any kind.

        Raises:
            Ignore: always, in a worker.
            ImproperlyConfigured: it is an empty chain, or part of a chord.

        Example:
            >>> return self.replace(fetch.s(url) | parse.s())   # doctest: +SKIP
        """
        return self.on_replace(_replacement(self, sig))

    def on_replace(self, sig: Any) -> Any:
        """Called by `replace` with the signature that is sent; return ``super().on_replace(sig)``."""
        return _send_replacement(self, sig)

    def add_to_chord(self, sig: Any, lazy: bool = False) -> Any:
        """Add a member to the chord that the running task is a member of: the chord's body waits for its result too.

        In a worker it is sent in the step that ends this run, whatever ends it; a run that a crash cuts short has added
        nothing. What ends in a group is one member, whose result is the list.

        Args:
            sig: a signature of any kind.
            lazy: return the signature, as a member, for you to send (Celery's option). Until you have, and it has
                ended, the body waits.

        Returns:
            the handle on its result, its place among the results is that of the running task; lazy: the signature.

        Raises:
            ValueError: the running task is not the member of a chord.
            ImproperlyConfigured: the result store cannot join.

        Example:
            >>> self.add_to_chord(fetch.s(link))   # doctest: +SKIP
        """
        return _add_member(self, sig, lazy=lazy)


def _replacement(task: Any, sig: Any) -> Any:
    """The signature that takes a running task's place."""
    request = task.request
    if "chord" in sig.options:
        raise ImproperlyConfigured("What replaces a task must not be the member of a chord itself.")
    if sig.subtask_type == "chain" and not sig.tasks:
        raise ImproperlyConfigured("A task cannot be replaced by an empty chain.")
    with derived(_run(request), _REPLACED, request.reply_to):
        return _with_the_rest(task.app, request, _in_its_place(task, request, ending_once(sig, task.app)))


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


def _run(request: Any) -> str:
    """What names a run, so that its parts have ids of their own, and the same when it is run again.

    A task that replaces another one has its id; when it is replaced itself, the id alone would be that of both.
    """
    return f"{request.id}/{request.parent_id or ''}/{request.replaced_task_nesting}"


def _nesting(request: Any) -> int:
    return int(request.replaced_task_nesting) + 1


def _send_replacement(task: Any, sig: Any) -> Any:
    """Run it here when the task runs eagerly; otherwise it leaves with the end of the task, which is now."""
    request = task.request
    if request.is_eager:
        return sig.apply().get()
    with derived(_run(request), _REPLACED - 1, request.reply_to), collecting() as outbox:
        sig.delay()
    request.replaced_by = tuple(outbox.parcels)
    task.app.tell_published(outbox.parcels)
    raise Ignore("Replaced by new task")


def _add_member(task: Any, sig: Any, *, lazy: bool) -> Any:
    """Make a signature a member of the running task's chord; see `Task.add_to_chord`.

    The ids of what was added travel on in the body that the running task carries, so a retry or a replacement of it
    still knows them: whoever ends in its place tells the store.
    """
    request = task.request
    if not request.chord:
        raise ValueError(f"The task {task.name} is not the member of a chord, so it cannot add one to it.")
    task.app.assert_joins()
    body = {name: value for name, value in request.chord.items() if name != ADDS}
    added = request.chord.get(ADDS) or []
    with derived(request.id, _ADDED - len(added), request.reply_to), collecting() as outbox:
        sig = ending_once(sig, task.app)
        member = sig.freeze().id
        sig.set(
            chord={**body, ADDS: [member]}, group_id=request.group, group_index=request.group_index,
            root_id=request.root_id,
        )  # fmt: skip
        found = sig if lazy else sig.delay()
    request.update(chord={**body, ADDS: [*added, member]})
    request.added += tuple(outbox.parcels)
    task.app.tell_published(outbox.parcels)
    return found
