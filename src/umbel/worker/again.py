"""What comes again may be done: where results have a store of their own, it is asked before a task runs twice.

Between the storing of a result and the removal of its message, a process can die, a connection break, and a server lose
what it was told last. With both in one store there is nothing in between, and nothing is asked.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from .. import states
from ..current import pop_request, push_request
from ..exceptions import UmbelError
from .attempt import Attempt
from .desk import Desk

if TYPE_CHECKING:
    from ..app import Umbel
    from ..outcome import Outcome
    from ..record import Record

TICK: Final = b'"celery_beat_task"'
"""In the head of a message that a scheduler sent: with two stores it may have sent it twice (`app/relay`)."""

logger = logging.getLogger("umbel.worker")


class Again:
    """Looks at messages that somebody else had before, or may have sent twice.

    Args:
        app: the application.
        desk: of the child.

    Attributes:
        asks: whether it looks at all: not where one step stores a result and removes its message.
    """

    def __init__(self, app: Umbel, desk: Desk) -> None:
        self._app = app
        self._desk = desk
        self.asks = not (app.settles_results or desk.documents.sent)

    def look(self, prepared: Attempt | Outcome) -> Attempt | Outcome:
        """The outcome of a task that is known to have succeeded, with its follow-ups; otherwise what it was given."""
        if not self.asks or not isinstance(prepared, Attempt):
            return prepared
        plan, request = prepared.plan, prepared.request
        if not self._desk.keeps(plan, request):
            return prepared
        record = self._stored(request.id)
        if record is None or record.status != states.SUCCESS:
            return prepared
        token = push_request(plan.task, request)
        try:
            result = self._app.AsyncResult(request.id)
            result.keep(record)
            outcome = self._desk.repeated(prepared, result.result)
        except Exception:  # a document of whatever form, in a shared store: then it runs again, as if it were not there
            logger.warning("The result of task %s[%s] cannot be read: it runs again", plan.name, request.id)
            return prepared
        finally:
            pop_request(token)
        logger.info("Task %s[%s] had succeeded before: it does not run again", plan.name, request.id)
        return outcome

    def _stored(self, task_id: str) -> Record | None:
        backend = self._app.backend()
        try:
            return backend.fetch([task_id]).get(task_id) if backend is not None else None
        except UmbelError as error:
            logger.warning("Whether task %s ran before cannot be read, so it may run again: %s", task_id, error)
            return None
