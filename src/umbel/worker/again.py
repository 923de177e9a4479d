"""What comes again may be done: where results have a store of their own, it is asked before a task runs twice.

Between the storing of a result and the removal of its message, a process can die, a connection break, and a server lose
what it was told last. With both in one store there is nothing in between, and nothing is asked.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import msgspec

from .. import states
from ..canvas import CONTINUE
from ..current import pop_request, push_request
from ..exceptions import UmbelError
from ..message import AGAIN_HEADER, Parcel
from ..outcome import Done, Outcome
from ..serialization import decode_json, encode_json
from .attempt import Attempt
from .desk import Desk
from .once import Book

if TYPE_CHECKING:
    from ..app import Umbel
    from ..record import Record

TICK: Final = b'"celery_beat_task"'
"""In the head of a message that a scheduler sent: with two stores it may have sent it twice (`app/relay`). Where it is
not claimed before it runs, its result is looked for.
"""

logger = logging.getLogger("umbel.worker")

_MARK: Final = b'"%b":' % AGAIN_HEADER.encode()


def marked(outcome: Outcome) -> Outcome:
    """An outcome of a message that came again: what it sends may have been sent before, and says so."""
    delivery = outcome.delivery
    if not outcome.parcels or not (delivery.redelivered or _MARK in delivery.head):
        return outcome
    return _sent_again(outcome)


def _sent_again(outcome: Outcome) -> Outcome:
    return msgspec.structs.replace(outcome, parcels=tuple(map(_marked, outcome.parcels)))


def _ended(record: Record) -> bool:
    """Whether a task has come to its end, whichever message of it brought it there.

    A message that was set aside because it killed its workers did not: what it had been replaced by, before the last of
    them died, has its id.
    """
    if record.status == states.FAILURE:
        return record.document.startswith(b"{") and b'"WorkerLostError"' not in record.document
    return record.status in states.READY_STATES


def _marked(parcel: Parcel) -> Parcel:
    head = decode_json(parcel.head)
    head["headers"][AGAIN_HEADER] = True
    return msgspec.structs.replace(parcel, head=encode_json(head))


class Again:
    """Looks at messages that somebody else had before, or may have sent twice.

    Args:
        app: the application.
        desk: of the child.
        book: its claims. What was claimed by nobody before is not looked for.

    Attributes:
        asks: whether it looks at all: not where one step stores a result and removes its message.
    """

    def __init__(self, app: Umbel, desk: Desk, book: Book) -> None:
        self._app = app
        self._desk = desk
        self._book = book
        self.asks = not (app.settles_results or desk.documents.sent)

    def look(self, prepared: Attempt | Outcome) -> Attempt | Outcome:
        """The outcome of a task that is known to have succeeded, with its follow-ups; otherwise what it was given."""
        if not self.asks or not isinstance(prepared, Attempt):
            return prepared
        plan, request = prepared.plan, prepared.request
        delivery = prepared.delivery
        claimed = self._book.answer(delivery)
        asked = claimed == "again" or (claimed is None and TICK in delivery.head)
        if not delivery.redelivered and not asked:
            return self._unless_ended(prepared, self._stored(request.id)) if _MARK in delivery.head else prepared
        if not self._desk.keeps(plan, request) or plan.name == CONTINUE:  # what follows that one is not in its message
            return prepared
        record = self._stored(request.id)
        if record is None or record.status != states.SUCCESS:
            second = claimed == "again" and not delivery.redelivered
            return self._unless_ended(prepared, record) if second else prepared
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
        return _sent_again(outcome) if claimed == "again" else outcome

    def _unless_ended(self, prepared: Attempt, record: Record | None) -> Attempt | Outcome:
        """A message that may be the second one of its task: nothing, when the first has ended it."""
        if record is None or not _ended(record):
            return prepared
        logger.info("Task %s[%s] has ended: a second message of it is dropped", prepared.plan.name, prepared.request.id)
        return Done(prepared.delivery)

    def _stored(self, task_id: str) -> Record | None:
        backend = self._app.backend()
        try:
            return backend.fetch([task_id]).get(task_id) if backend is not None else None
        except UmbelError as error:
            logger.warning("Whether task %s ran before cannot be read, so it may run again: %s", task_id, error)
            return None
