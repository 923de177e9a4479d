"""The record: a task's result document on its way into a backend, or out of it.

The document is Celery's, whole and serialized; a backend keeps it as opaque bytes and acts on the other fields only.
Key order seen in Celery 5.7: status, result, traceback, children, date_done, [group_id], [parent_id],
[name, args, kwargs, worker, retries, queue], task_id.
"""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, gc=False):
    """One state of one task, to be stored or as stored.

    Attributes:
        id: task id.
        status: state name; the backend keeps the first terminal state, and SUCCESS for ever (`states.may_replace`).
        document: Celery's result document, serialized (JSON unless `result_serializer` says otherwise).
        expires: unix time after which it may be deleted; 0.0 means never. A store may round it up to a millisecond,
            and to a second where it is more than a minute ahead.
        reply_to: the queue of whoever called, for a backend that sends results instead of keeping them; others leave
            it alone.
    """

    id: str
    status: str
    document: bytes
    expires: float = 0.0
    reply_to: str = ""
