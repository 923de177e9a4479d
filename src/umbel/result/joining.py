"""Whether waiting for another task is allowed here: inside a task it can block every worker for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..current import request_var

_allowed: ContextVar[bool] = ContextVar("umbel_join_allowed", default=False)

SENTENCE = (
    "get() inside a task waits for another task and can block all workers for ever; send a callback (link) instead, "
    "or call get(disable_sync_subtasks=False) when you know that it cannot."
)


def task_join_will_block() -> bool:
    """True inside a running task, unless `allow_join_result` allows it."""
    return request_var.get() is not None and not _allowed.get() and not _called_directly()


def _called_directly() -> bool:
    frame = request_var.get()
    while frame is not None:
        if not frame.called_directly:
            return False
        frame = frame.outer
    return True


def assert_will_not_block() -> None:
    """Raise a `RuntimeError` inside a running task."""
    if task_join_will_block():
        raise RuntimeError(SENTENCE)


@contextmanager
def allow_join_result() -> Iterator[None]:
    """Inside this block a task may wait for other tasks."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


@contextmanager
def denied_join_result() -> Iterator[None]:
    """Inside this block of an `allow_join_result` a task may not."""
    token = _allowed.set(False)
    try:
        yield
    finally:
        _allowed.reset(token)
