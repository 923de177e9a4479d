"""The request stack: the requests of one task as Celery's `task.request_stack` shows them, the innermost last."""

from __future__ import annotations

from typing import Any

from ..context import Context
from ..current import push_request, request_var


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
