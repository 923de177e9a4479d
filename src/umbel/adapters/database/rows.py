"""A result document as a row of Celery's table, and back.

    document   status  result  traceback  children  date_done  [name args kwargs worker retries queue]  task_id
    row        text    bytes   text       bytes     naive UTC   text bytes bytes text   int     text

Each column of bytes is serialized by `result_serializer`, as Celery 5.7 does it, so with JSON the bytes of a document
are cut apart and put together again, and no value is decoded. What Celery's table has no place for (group_id,
parent_id) is left out, as Celery leaves it out. A document that is no document is kept whole in ``result``, with a mark
in ``children`` that Celery overwrites when it stores something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ... import states
from ...exceptions import ContentDisallowed, SerializationError, UmbelError
from ...record import Record
from ...serialization import (
    acceptable,
    codec,
    decode_json,
    decompress_document,
    dumps,
    encode_json,
    is_own_json,
    loads,
)
from .legacy import is_pickle, unpickle

_WHOLE: Final = b"\0umbel: the result is a whole document"
_NULL: Final = msgspec.Raw(b"null")
_NONE: Final = msgspec.Raw(b"[]")
_LONGEST: Final = 155
_EXTENDED: Final = ("name", "args", "kwargs", "worker", "retries", "queue")
_PICKLE: Final = "application/x-python-serialize"

Row = dict[str, Any]


class _Document(msgspec.Struct, gc=False):
    """A document in JSON; values stay bytes."""

    status: str
    result: msgspec.Raw = _NULL
    traceback: str | None = None
    children: msgspec.Raw = _NULL
    date_done: str | None = None
    name: str | msgspec.UnsetType | None = msgspec.UNSET
    args: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    kwargs: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    worker: str | msgspec.UnsetType | None = msgspec.UNSET
    retries: int | msgspec.UnsetType | None = msgspec.UNSET
    queue: str | msgspec.UnsetType | None = msgspec.UNSET
    task_id: str = ""


_decode: Final = msgspec.json.Decoder(_Document).decode
_encode: Final = msgspec.json.Encoder().encode


class Form:
    """How the documents of one app are written.

    Args:
        serializer: `result_serializer`.
        accept: `result_accept_content`: what may be decoded.
        most: bytes to which a compressed document may grow.
    """

    __slots__ = ("_accept", "_most", "_own_json", "_serializer", "_trusts_pickle")

    def __init__(self, serializer: str = "json", accept: Iterable[str] = ("json",), most: int = 1 << 27) -> None:
        self._serializer = serializer
        self._accept = acceptable(accept, "result_accept_content")
        self._own_json = is_own_json(serializer)
        self._trusts_pickle = _PICKLE in self._accept
        self._most = most

    def row(self, record: Record) -> Row:
        """The columns of a record, all of them."""
        try:
            data = decompress_document(record.document, self._most)
            row = self._split_json(data) if self._own_json else self._split(data)
        except (UmbelError, msgspec.MsgspecError):
            row = {**dict.fromkeys(("traceback", "date_done", *_EXTENDED)), "result": record.document}
            row["children"] = _WHOLE
        row["task_id"], row["status"] = record.id, record.status
        row["umbel_expires"] = record.expires or None
        return row

    def record(self, row: Row) -> Record:
        """What a row says."""
        status: str = row["status"] or states.PENDING
        expires = row.get("umbel_expires") or 0.0
        if _bytes(row.get("children")) == _WHOLE:
            return Record(row["task_id"], status, _bytes(row["result"]) or b"", expires)
        try:
            data = self._join_json(row) if self._own_json else self._join(row)
        except (ContentDisallowed, SerializationError):
            data = _bytes(row["result"]) or b""  # whoever reads this document is told what is wrong with it
        return Record(row["task_id"], status, data, expires)

    def written(self, value: bytes) -> bytes:
        """JSON as the serializer has it."""
        return value if self._own_json else self._write(decode_json(value))

    def plain(self, column: bytes) -> bytes:
        """What the serializer wrote, as JSON.

        Raises:
            ContentDisallowed: it is not accepted.
            SerializationError: it cannot be read.
        """
        if self._own_json and not is_pickle(column):
            return column
        value = self._read(column)
        form = getattr(value, "as_tuple", None)  # with pickle Celery stores a handle itself
        return encode_json(value if form is None else form())

    def _split_json(self, data: bytes) -> Row:
        document = _decode(data)
        children = bytes(document.children)
        return {
            "result": bytes(document.result),
            "traceback": _clean(document.traceback),
            "children": None if children in (b"null", b"[]") else children,
            "date_done": _moment(document.date_done),
            "name": _short(document.name),
            "args": _raw(document.args),
            "kwargs": _raw(document.kwargs),
            "worker": _short(document.worker),
            "retries": document.retries if isinstance(document.retries, int) else None,
            "queue": _short(document.queue),
        }

    def _split(self, data: bytes) -> Row:
        written = codec("json" if data.startswith(b'{"') else self._serializer)
        # This process wrote it, or the program did that handed it over: nothing here came from a stranger.
        found = loads(data, written.content_type, written.content_encoding, frozenset({written.content_type}))
        if not isinstance(found, dict) or "status" not in found:
            raise SerializationError("This is no result document.")
        write = self._write
        children = found.get("children")
        return {
            "result": write(found.get("result")),
            "traceback": _clean(found.get("traceback")),
            "children": write(children) if children else None,
            "date_done": _moment(found.get("date_done")),
            "name": _short(found.get("name")),
            "args": write(found["args"]) if "args" in found else None,
            "kwargs": write(found["kwargs"]) if "kwargs" in found else None,
            "worker": _short(found.get("worker")),
            "retries": found.get("retries"),
            "queue": _short(found.get("queue")),
        }

    def _join_json(self, row: Row) -> bytes:
        result = _bytes(row["result"])
        if result is not None and is_pickle(result):
            result = encode_json(unpickle(result, trusted=self._trusts_pickle))
        document = _Document(row["status"] or states.PENDING)
        document.result = _NULL if result is None else msgspec.Raw(result)
        document.traceback = row["traceback"]
        children = _bytes(row.get("children"))
        document.children = _NONE if children is None else msgspec.Raw(children)
        document.date_done = _text(row["date_done"])
        for name in _EXTENDED:
            value = row.get(name)
            if value is not None:
                setattr(document, name, msgspec.Raw(bytes(value)) if name in ("args", "kwargs") else value)
        document.task_id = row["task_id"]
        return _encode(document)

    def _join(self, row: Row) -> bytes:
        document = {
            "status": row["status"] or states.PENDING,
            "result": self._read(row["result"]),
            "traceback": row["traceback"],
            "children": self._read(row.get("children")) or [],
            "date_done": _text(row["date_done"]),
        }
        for name in _EXTENDED:
            value = row.get(name)
            if value is not None:
                document[name] = self._read(value) if name in ("args", "kwargs") else value
        return self._write({**document, "task_id": row["task_id"]})

    def _write(self, value: Any) -> bytes:
        return dumps(value, self._serializer)[2]

    def _read(self, column: Any) -> Any:
        data = _bytes(column)
        if data is None:
            return None
        written = codec(self._serializer)
        try:
            return loads(data, written.content_type, written.content_encoding, self._accept)
        except SerializationError:
            if not is_pickle(data):
                raise
            return unpickle(data, trusted=self._trusts_pickle)


def _bytes(column: Any) -> bytes | None:
    return None if column is None else column.encode() if isinstance(column, str) else bytes(column)


def _raw(value: msgspec.Raw | msgspec.UnsetType) -> bytes | None:
    return None if isinstance(value, msgspec.UnsetType) else bytes(value)


def _short(value: Any) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) else None


def _clean(value: Any) -> str | None:
    """A traceback as every database takes it: PostgreSQL has no text with a NUL."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else None


def _moment(value: Any) -> datetime | None:
    """A moment as Celery stores it: UTC, without saying so."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def _text(value: Any) -> str | None:
    """The same as documents have it."""
    if not isinstance(value, datetime):
        return value if isinstance(value, str) else None
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()
