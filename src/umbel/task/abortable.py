"""Tasks that look now and then whether anybody still wants what they are doing.

    @app.task(bind=True, base=AbortableTask)
    def report(self, rows):
        for row in rows:
            if self.is_aborted():
                return

    result = report.delay(rows)
    result.abort()                     from any process that has the results

The request to stop is a state of the task's result, ABORTED, so it needs a result store, and whatever the task returns
afterwards takes its place. `revoke(terminate=True)` stops a task that does not look.
"""

from __future__ import annotations

from typing import Any, Final

from ..result import AsyncResult
from ..result.waiting import results_of
from ..withdraw import Form, kept_for, state_record
from .base import P, R, Task

ABORTED: Final = "ABORTED"


class AbortableAsyncResult(AsyncResult[Any]):
    """The result of an abortable task; arguments as of `AsyncResult`."""

    __slots__ = ()

    def is_aborted(self) -> bool:
        """Whether `abort` was called, and the task has not ended since."""
        return self.state == ABORTED

    def abort(self) -> None:
        """Ask the task to stop.

        Raises:
            ImproperlyConfigured: the app keeps no results.
        """
        conf = self.app.conf
        record = state_record(self.id, ABORTED, None, expires=kept_for(conf, ABORTED), form=Form.of(conf))
        results_of(self.app).store((record,))


class AbortableTask(Task[P, R]):
    """Base class of tasks that can be asked to stop; see the module."""

    abstract = True
    result_cls = AbortableAsyncResult

    def AsyncResult(self, task_id: str, **kwargs: Any) -> AbortableAsyncResult:  # noqa: N802 - Celery's name
        """The handle on a run of this task, by id."""
        app = kwargs.pop("app", None) or self.app
        return AbortableAsyncResult(task_id, task_name=self.name, app=app, **kwargs)

    def is_aborted(self, **kwargs: Any) -> bool:
        """Whether somebody has asked the running task to stop; asks the result store each time.

        Args:
            kwargs: ``task_id`` of another run.
        """
        return self.AsyncResult(kwargs.get("task_id", self.request.id)).is_aborted()
