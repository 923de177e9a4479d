"""Where new ids come from: random ones, or inside of `derived` always the same for one place of a workflow.

Who gets the results, where they are sent and not kept, is then whoever sent the task before.

A worker builds the follow-ups of a task once more when the task is run once more. Named by their place behind it, they
are the same messages then, and not new ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..identity import oid
from ..ids import derived_id, new_id

_reply_to: ContextVar[str | None] = ContextVar("umbel_reply_to", default=None)
_source: ContextVar[Iterator[str] | None] = ContextVar("umbel_id_source", default=None)


def fresh_id() -> str:
    """An id for a task or a group that has none."""
    source = _source.get()
    return new_id() if source is None else next(source)


def reply_to() -> str:
    """Where the result of a task that is given its id now is sent."""
    return _reply_to.get() or oid()


@contextmanager
def derived(parent: str, position: int, reply: str | None = None) -> Iterator[None]:
    """Inside of this block ids are made from a task's id and the position of what follows it.

    Args:
        parent: id of the task.
        position: which of its follow-ups, from 0.
        reply: where its own result is sent.

    Example:
        >>> with derived("a-task", 0):
        ...     first = fresh_id()
        >>> with derived("a-task", 0):
        ...     first == fresh_id()
        True
    """
    token, other = _source.set(_ids(parent, position)), _reply_to.set(reply)
    try:
        yield
    finally:
        _source.reset(token)
        _reply_to.reset(other)


def _ids(parent: str, position: int) -> Iterator[str]:
    yield derived_id(parent, position)
    count = 0
    while True:
        yield derived_id(f"{parent}/{position}", count)
        count += 1
