"""Result documents as a worker writes them: Celery's fields, in Celery's order.

Source: Celery 5.7, key order seen in its stores: status, result, traceback, children, date_done, [group_id],
[parent_id], [name, args, kwargs, worker, retries, queue], task_id.
"""

from __future__ import annotations

import traceback as tracebacks
from datetime import UTC, datetime
from typing import Any

import msgspec

from .. import states
from ..context import Context
from ..exceptions import EncodeError, wire_module
from ..record import Record
from ..serialization import compress_document, compression, decode_json, dumps, encode_json, is_own_json


class _Document(msgspec.Struct, gc=False):
    status: str
    result: msgspec.Raw
    traceback: str | None
    children: list[Any] | None
    date_done: str | None
    group_id: str | msgspec.UnsetType = msgspec.UNSET
    parent_id: str | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    args: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    kwargs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    worker: str | msgspec.UnsetType = msgspec.UNSET
    retries: int | msgspec.UnsetType = msgspec.UNSET
    queue: str | msgspec.UnsetType = msgspec.UNSET
    task_id: str = ""


class Value(msgspec.Struct, gc=False):
    """A return value that is encoded with the rest of its document."""

    value: Any


_encode = msgspec.json.Encoder().encode
_NULL = msgspec.Raw(b"null")


def date_done(now: float) -> str:
    """A unix time as Celery writes `date_done`.

    Example:
        >>> date_done(0.5)
        '1970-01-01T00:00:00.500000+00:00'
    """
    second = int(now)
    if second != _cached[0]:
        _cached[:] = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.%%06d+00:00")
    text: str = _cached[1] % ((now - second) * 1e6)
    return text


_cached: list[Any] = [None, ""]
"""The last second and its form: writing it anew for each of ten thousand tasks in it would cost more than the rest."""


class Documents:
    """Writes the records of one worker.

    Args:
        node: node name, for STARTED and extended documents.
        expires: seconds that a result is kept; 0 for ever.
        failures_expire: the same for FAILURE.
        extended: also write name, args, kwargs, worker, retries and queue (`result_extended`).
        serializer: of the whole documents (`result_serializer`).
        method: by which they are compressed (`result_compression`), None for none.
        sent: whether they are sent to whoever called.
    """

    def __init__(
        self, node: str, expires: float, failures_expire: float, extended: bool, serializer: str = "json",
        method: str | None = None, sent: bool = False,
    ) -> None:  # fmt: skip
        self.node = node
        self.expires = expires
        self.failures_expire = failures_expire
        self.extended = extended
        self.serializer = serializer
        self.method = compression(method).content_type if method else ""
        self.sent = sent
        self._own_json = is_own_json(serializer)
        self.value = encode_json if self._own_json else Value

    def write(
        self, status: str, result: bytes | Value, request: Context, now: float, *, traceback: str | None = None
    ) -> Record:
        """The record of one state of a task.

        Args:
            status: state name.
            result: the field ``result``, as JSON, or what `value` made of a task's return value.
            request: the attempt's request.
            now: unix time.
            traceback: text, None when there is none.
        """
        headers, sent = request.wire, request.sent_children
        children = [child.as_tuple() for child in sent] if sent else []
        done = date_done(now) if status in states.READY_STATES else None
        raw = msgspec.Raw(result) if type(result) is bytes else _NULL
        document = _Document(status, raw, traceback, children, done)
        if headers.group is not None:
            document.group_id = headers.group
        if headers.parent_id is not None:
            document.parent_id = headers.parent_id
        if self.extended:
            self._extend(document, request)
        document.task_id = headers.id
        data = _encode(document) if self._own_json else self._otherwise(document, result)
        if self.method:
            data = compress_document(data, self.method)
        expires = self.failures_expire if status == states.FAILURE else self.expires
        # whole seconds, rounded up: a store can keep results that expire together as one
        reply_to = (request.reply_to or "") if self.sent else ""
        return Record(headers.id, status, data, int(now) + 1.0 + expires if expires else 0.0, reply_to)

    def _otherwise(self, document: _Document, result: bytes | Value) -> bytes:
        """The document in another serializer than JSON; a return value in it is the object itself."""
        fields = decode_json(_encode(document))
        if isinstance(result, Value):
            fields["result"] = result.value
        return dumps(fields, self.serializer)[2]

    def _extend(self, document: _Document, request: Context) -> None:
        document.name = request.task
        document.args = msgspec.Raw(_shown(list(request.args or ())))
        document.kwargs = msgspec.Raw(_shown(dict(request.kwargs or {})))
        document.worker = self.node
        document.retries = request.retries
        document.queue = (request.delivery_info or {}).get("routing_key", "")


def _shown(arguments: Any) -> bytes:
    """Arguments for an extended document; those that came by a serializer that carries more than JSON go as text."""
    try:
        return encode_json(arguments)
    except EncodeError:
        return encode_json(safe_repr(arguments))


def encode_error(error: BaseException) -> bytes:
    """The field ``result`` of a failed task: type, arguments and module, as Celery writes them.

    Example:
        >>> encode_error(ValueError("bad", 42))
        b'{"exc_type":"ValueError","exc_message":["bad",42],"exc_module":"builtins"}'
    """
    kind = type(error)
    head = {"exc_type": kind.__qualname__, "exc_message": list(error.args), "exc_module": wire_module(kind)}
    try:
        return encode_json(head)
    except Exception:  # an argument that JSON cannot carry goes as its repr, as in Celery; any type may raise anything
        head["exc_message"] = [_encodable(argument) for argument in error.args]
        return encode_json(head)


def _encodable(value: Any) -> Any:
    try:
        encode_json(value)
    except Exception:  # a user's object decides what its encoding raises
        return safe_repr(value)
    return value


def safe_repr(value: object) -> str:
    """`repr`, also for objects whose repr raises."""
    try:
        return repr(value)
    except Exception as error:  # a user's __repr__ may raise anything
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"


def format_traceback(error: BaseException) -> str:
    """The traceback text of an error."""
    return "".join(tracebacks.format_exception(error))
