"""Sending a workflow: all messages are built first, then sent together.

A member that cannot be built, because an argument cannot travel, is found before anything was sent. Inside of a worker
nothing is sent here at all: the messages leave in the step that settles the task they follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..bulk import batches
from ..context import Context
from ..current import Outbox, outbox_var
from ..exceptions import InvalidTaskError
from ..message import Join, Parcel
from ..sender import App
from .base import maybe_signature
from .naming import derived


@contextmanager
def collecting() -> Iterator[Outbox]:
    """Inside of this block messages are kept and not sent."""
    outbox = Outbox()
    token = outbox_var.set(outbox)
    try:
        yield outbox
    finally:
        outbox_var.reset(token)


@contextmanager
def outgoing(app: App) -> Iterator[None]:
    """At the end of this block what was built in it is sent, unless somebody around it collects it."""
    if outbox_var.get() is not None:
        yield
        return
    with collecting() as outbox:
        yield
    for batch in batches(outbox.parcels):
        app.publish(batch, outbox.retry_policy)


@contextmanager
def opening(join: Join) -> Iterator[None]:
    """The first message that is built in this block begins a join; `outgoing` or `collecting` is around it."""
    outbox = outbox_var.get()
    before = len(outbox.parcels) if outbox is not None else 0
    yield
    if outbox is not None and len(outbox.parcels) > before:
        first = outbox.parcels[before]
        first.opens = (*first.opens, join)


def follow_up(
    app: App, form: Mapping[str, Any], args: tuple[Any, ...], parent: Context, position: int, **options: Any
) -> list[Parcel]:
    """The messages of a signature that follows a task; they are built, not sent.

    Args:
        app: knows the tasks.
        form: a signature of any kind, or its dictionary form.
        args: what comes before its arguments, unless it is immutable.
        parent: request of the task before it.
        position: its number among the follow-ups of that task; ids that it lacks are made from both.
        options: of the call.

    Raises:
        InvalidTaskError: it is no signature.
    """
    if not form.get("task"):
        raise InvalidTaskError(f"A callback must be a signature, not {dict(form)}.")
    signature = maybe_signature(dict(form), app=app).clone()
    with derived(parent.id, position, parent.reply_to), collecting() as outbox:
        if signature.subtask_type is None:
            signature.freeze()
        signature.apply_async(args, parent_id=parent.id, root_id=parent.root_id or parent.id, **options)
    app.tell_published(outbox.parcels)
    return outbox.parcels
