"""What is current: the app of this thread, and the task that runs in this context.

This is storage only, the lowest layer: it knows no app and no task. `umbel.app` wraps it for users
(`umbel.current_app`, `umbel.current_task`); the worker pushes a request before a function and pops it after.

    push_request(task, context) --> request_var --> task code reads it --> pop_request(token)

Requests nest: a task that calls another one as a function pushes a second request, and each task finds its own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from typing import Any, Protocol


class Frame(Protocol):
    """One running task, as `push_request` links it to the one around it (`context.Context`)."""

    running: Any
    outer: Any


request_var: ContextVar[Any] = ContextVar("umbel_request", default=None)
"""The request (`context.Context`) of the innermost running task, None outside of tasks."""


class Outbox:
    """Messages that are built but not sent yet.

    Attributes:
        parcels: in the order in which they were built.
        retry_policy: of the last of them.
    """

    def __init__(self) -> None:
        self.parcels: list[Any] = []
        self.retry_policy: Mapping[str, Any] | None = None

    def put(self, parcels: Sequence[Any], retry_policy: Mapping[str, Any] | None) -> None:
        """Add messages."""
        self.parcels.extend(parcels)
        self.retry_policy = retry_policy


outbox_var: ContextVar[Outbox | None] = ContextVar("umbel_outbox", default=None)
"""Where this context's messages are collected in the place of being sent, None to send them."""


class _Thread(threading.local):
    app: Any = None


_thread = _Thread()
_default: list[Any] = []
_stand_in: list[Any] = []


def push_request(task: object, context: Frame) -> Token[Any]:
    """Make ``task`` the running one; the token undoes it."""
    context.running = task
    context.outer = request_var.get()
    return request_var.set(context)


def pop_request(token: Token[Any]) -> None:
    """Undo `push_request`."""
    request_var.reset(token)


def running_task() -> Any:
    """The innermost running task, None outside of tasks."""
    frame = request_var.get()
    return None if frame is None else frame.running


def request_of(task: object) -> Any:
    """The innermost request of one task, None when it does not run in this context."""
    frame = request_var.get()
    while frame is not None and frame.running is not task:
        frame = frame.outer
    return frame


def set_app(app: object) -> None:
    """Make an app the current one of this thread; the first one also serves threads that have none."""
    _thread.app = app
    if not _default:
        _default.append(app)


def set_default(app: object) -> None:
    """Make an app the one that serves threads without a current app."""
    _default[:] = [app]


def set_stand_in(app: object) -> None:
    """Give what is current while there is no app: an object that behaves like one."""
    _stand_in[:] = [app]


def get_app() -> Any:
    """The current app of this thread, else the default one, else what stands in for one, else None."""
    app = _thread.app
    if app is not None:
        return app
    return next(iter(_default or _stand_in), None)
