"""The template of a message: everything that two calls of one task with the same options have in common.

A call is then only `fill`: the id, the arguments and who sent it. One template serves one `delay()`, or the million
messages of a bulk call. Field names and their order are Celery's (protocol 2, see `message`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from .context import Context
from .identity import oid, origin
from .message import CHORD_HEADER, HEADER_NAMES, Parcel
from .saferepr import saferepr
from .serialization import compress, decode_json, dumps, encode_json

NO_EMBED: Final[dict[str, Any]] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
NO_LIMIT: Final = 255
"""Highest priority of a queue that names none: what AMQP has."""

_END_OF_HEADERS: Final = b'"stamps":{}},"properties":'
_LAST_HEADER: Final = len(b'"stamps":{}')
_NO_EMBED_JSON: Final = encode_json(NO_EMBED)
_encode = msgspec.json.Encoder().encode


class _Headers(msgspec.Struct, gc=False):
    lang: str
    task: str
    id: str
    shadow: str | None
    eta: str | None
    expires: str | None
    group: str | None
    group_index: int | None
    retries: int
    timelimit: tuple[float | None, float | None]
    root_id: str | None
    parent_id: str | None
    argsrepr: str
    kwargsrepr: str
    origin: str
    ignore_result: bool | None
    replaced_task_nesting: int
    stamped_headers: list[str] | None
    stamps: dict[str, Any]


class _Properties(msgspec.Struct, gc=False):
    correlation_id: str
    reply_to: str
    delivery_mode: int
    expiration: str | msgspec.UnsetType
    delivery_info: msgspec.Raw
    priority: int


class _Head(msgspec.Struct, gc=False):
    headers: _Headers | dict[str, Any]
    properties: _Properties | dict[str, Any]
    content_type: str = msgspec.field(name="content-type")
    content_encoding: str = msgspec.field(name="content-encoding")


class Template(msgspec.Struct, kw_only=True):
    """What the messages of one call, or of one bulk call, share.

    Attributes:
        task: task name.
        queue: queue that they go to; "" for those that go to an exchange.
        exchange, routing_key: where those go.
        also: more queues that they go to, each with the highest priority that it knows.
        priority: 0-9.
        max_priority: highest priority that the queue knows; a higher one counts as this.
        each_call: the way depends on the arguments, so another call needs a template of its own.
        due: unix time before which they are not to start, 0.0 for at once.
        serializer: name or content type of a codec; exactly "json" is the JSON of this package.
        compression: name or content type of a method, "" for none.
        embed: what travels in the body beside the arguments.
        headers: custom headers, they win over Celery's own.
        properties: message properties beside the usual ones.
        argsrepr, kwargsrepr: fixed texts in the place of the arguments' own.
        chord_note: what the head says of the chord in the body, JSON, b"" for nothing (`canvas.note`).
        retry: whether publishing may be tried again, and how (`retry_policy`).
    """

    task: str
    queue: str
    exchange: str = ""
    routing_key: str = ""
    priority: int = 0
    due: float = 0.0
    serializer: str = "json"
    compression: str = ""
    shadow: str | None = None
    eta: str | None = None
    expires: str | None = None
    expiration: str | msgspec.UnsetType = msgspec.UNSET
    group: str | None = None
    group_index: int | None = None
    retries: int = 0
    timelimit: tuple[float | None, float | None] = (None, None)
    root_id: str | None = None
    parent_id: str | None = None
    argsrepr: str | None = None
    kwargsrepr: str | None = None
    repr_levels: int = 3
    origin: str = ""
    ignore_result: bool | None = None
    replaced_task_nesting: int = 0
    stamped_headers: list[str] | None = None
    stamps: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    reply_to: str = ""
    delivery_mode: int = 2
    delivery_info: msgspec.Raw = msgspec.Raw(b'{"exchange":"","routing_key":"celery"}')
    embed: dict[str, Any] | None = None
    embed_json: bytes = b""
    chord_note: bytes = b""
    retry_policy: dict[str, Any] | None = None
    add_to_parent: bool = True
    inherit_priority: bool = False
    max_priority: int = NO_LIMIT
    also: tuple[tuple[str, int], ...] = ()
    each_call: bool = False

    def fill(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], task_id: str, parent: Context | None = None
    ) -> Parcel:  # fmt: skip
        """The message of one call.

        Args:
            args, kwargs: the arguments, as they are to travel.
            task_id: its id.
            parent: request of the task that sends it, None outside of tasks.

        Raises:
            EncodeError: an argument cannot travel in this serializer.
            MissingExtra: serializer or compression need a package.
        """
        content_type, content_encoding, body = self._body(args, kwargs)
        headers = self._headers(args, kwargs, task_id, parent)
        priority = self.priority
        if self.inherit_priority and parent is not None:
            priority = (parent.delivery_info or {}).get("priority") or 0
        reply_to = self.reply_to or oid()
        properties = _Properties(
            task_id, reply_to, self.delivery_mode, self.expiration, self.delivery_info, priority
        )  # fmt: skip
        head = _Head(headers, properties, content_type, content_encoding)
        if self.headers or self.properties:
            head = self._with_custom(head)
        if priority > self.max_priority:  # noqa: PLR1730 - cheaper than a call, and this is the path of delay()
            priority = self.max_priority
        if self.compression:
            body, method = compress(body, self.compression)
            head.headers = {**_fields(head.headers), "compression": method}
        written = _encode_head(head)
        if self.chord_note:
            written = self._noted(written)
        if self.exchange:
            way = self.exchange, self.routing_key
            return Parcel("", task_id, self.task, written, body, priority, self.due, (), *way)
        return Parcel(self.queue, task_id, self.task, written, body, priority, self.due)

    def spread(self, parcel: Parcel) -> tuple[Parcel, ...]:
        """The message itself and its copies for the other queues that it goes to; all of them are one message."""
        if not self.also:
            return (parcel,)
        return (parcel, *(replace(parcel, queue=to, priority=min(parcel.priority, most)) for to, most in self.also))

    def _body(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[str, str, bytes]:
        if self.serializer != "json":
            return dumps((args, kwargs, self.embed or NO_EMBED), self.serializer)
        keywords = encode_json(kwargs) if kwargs else b"{}"
        if not self.embed_json:
            self.embed_json = encode_json(self.embed) if self.embed else _NO_EMBED_JSON
        return "application/json", "utf-8", b"[%b, %b, %b]" % (encode_json(args), keywords, self.embed_json)

    def _headers(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], task_id: str, parent: Context | None
    ) -> _Headers:  # fmt: skip
        root_id, parent_id = self.root_id, self.parent_id
        if parent is not None:
            root_id = root_id or parent.root_id or parent.id
            parent_id = parent_id or parent.id
        argsrepr, kwargsrepr = self.argsrepr, self.kwargsrepr
        if argsrepr is None:
            argsrepr = saferepr(args, maxlevels=self.repr_levels)
        if kwargsrepr is None:
            kwargsrepr = saferepr(kwargs, maxlevels=self.repr_levels) if kwargs else "{}"
        return _Headers(
            "py", self.task, task_id, self.shadow, self.eta, self.expires, self.group, self.group_index, self.retries,
            self.timelimit, root_id or task_id, parent_id, argsrepr, kwargsrepr, self.origin or origin(),
            self.ignore_result, self.replaced_task_nesting, self.stamped_headers, self.stamps,
        )  # fmt: skip

    def _noted(self, head: bytes) -> bytes:
        """The head with one header more; as text where nothing else could look like the end of the headers."""
        at = -1 if self.headers or self.properties or self.stamps else head.find(_END_OF_HEADERS)
        if at >= 0:
            at += _LAST_HEADER
            return b'%b,"%b":%b%b' % (head[:at], CHORD_HEADER.encode(), self.chord_note, head[at:])
        whole = decode_json(head)
        whole["headers"][CHORD_HEADER] = decode_json(self.chord_note)
        return encode_json(whole)

    def _with_custom(self, head: _Head) -> _Head:
        """Custom headers and properties go beside Celery's own, and win over them."""
        headers = {**_fields(head.headers), **self.headers}
        properties = {**_fields(head.properties), **self.properties}
        return _Head(headers, properties, head.content_type, head.content_encoding)


def _encode_head(head: _Head) -> bytes:
    if isinstance(head.headers, _Headers):
        try:
            return _encode(head)
        except (TypeError, ValueError):  # text with half a surrogate pair, stamps that are no plain JSON
            pass
    return encode_json(
        {
            "headers": _fields(head.headers),
            "properties": _fields(head.properties),
            "content-type": head.content_type,
            "content-encoding": head.content_encoding,
        }
    )


def _fields(part: Any) -> dict[str, Any]:
    """A part of the head as a dictionary."""
    if isinstance(part, dict):
        return part
    values = {name: getattr(part, name) for name in part.__struct_fields__}
    if "delivery_info" in values:
        values["delivery_info"] = msgspec.json.decode(values["delivery_info"])
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}


assert tuple(_Headers.__struct_fields__) == HEADER_NAMES
