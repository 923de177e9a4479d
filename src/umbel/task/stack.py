"""The stacks that Celery shows: the requests of one task (`task.request_stack`), and the tasks that run
(``celery._state._task_stack``), the innermost last.
"""

from __future__ import annotations

from typing import Any, Final

from ..context import Context
from ..current import push_request, request_var, running_task
from ..message import Headers


class RequestStack:
    """A view: each context has its own requests, and nothing is kept here.

    Args:
        task: whose requests.
    """

    def __init__(self, task: Any) -> None:
        self._task = task

    @property
    def stack(self) -> list[Context]:
        """All of them, the innermost last."""
        found: list[Context] = []
        request: Context | None = request_var.get()
        while request is not None:
            if request.running is self._task:
                found.append(request)
            request = request.outer
        return found[::-1]

    @property
    def top(self) -> Context | None:
        """The innermost, None outside of runs."""
        return next(reversed(self.stack), None)

    def push(self, obj: Context) -> None:
        """Make a request the innermost."""
        push_request(self._task, obj)

    def pop(self) -> Context | None:
        """Take the innermost away and return it; None when that is another task's, or there is none."""
        request: Context | None = request_var.get()
        if request is None or request.running is not self._task:
            return None
        request_var.set(request.outer)
        return request

    def __len__(self) -> int:
        return len(self.stack)


class TaskStack:
    """The running tasks as Celery's ``_task_stack`` shows them, the innermost last: a view, as `RequestStack` is.

    Whoever runs tasks himself pushes one before it and pops it after it; its request has a stack of its own.
    """

    @property
    def stack(self) -> list[Any]:
        """All of them, the innermost last."""
        found: list[Any] = []
        frame: Any = request_var.get()
        above: Any = None
        while frame is not None:
            if not (type(frame) is _Bare and above is frame.running):  # the request above it was pushed for it
                found.append(frame.running)
            above, frame = frame.running, frame.outer
        return found[::-1]

    @property
    def top(self) -> Any:
        """The innermost, None outside of runs."""
        return running_task()

    def push(self, obj: Any) -> list[Any]:
        """Make a task the innermost; returns all of them."""
        push_request(obj, _Bare(Headers(obj.name or "", None), called_directly=True))  # type: ignore[arg-type] # no id
        return self.stack

    def pop(self) -> Any:
        """Take away what was pushed last and return it, None when nothing was; requests above it stay."""
        inner, frame = None, request_var.get()
        while frame is not None and type(frame) is not _Bare:
            inner, frame = frame, frame.outer
        if frame is None:
            return None
        if inner is None:
            request_var.set(frame.outer)
        else:
            inner.outer = frame.outer
        return frame.running

    def __len__(self) -> int:
        return len(self.stack)


class _Bare(Context):
    """Stands where a task was pushed without a request."""


task_stack: Final = TaskStack()
"""The one stack; each context has its own tasks on it."""
