"""The request: what a task's function can ask about its own message, by Celery's names (`task.request`).

It is built once a run, so it holds the decoded headers and decodes nothing else; properties, delivery info and custom
headers are read from the raw head when somebody asks for the first time. Every header that is not one of Celery's own
is an attribute too: a message sent with ``headers={"tenant": "acme"}`` has ``request.tenant`` and
``request.headers == {"tenant": "acme"}``.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from .message import AGAIN_HEADER, CHORD_HEADER, HEADER_NAMES, Delivery, Envelope, Headers

_KNOWN: Final = frozenset({*HEADER_NAMES, "compression", AGAIN_HEADER, CHORD_HEADER})
_HEADER_FIELDS: Final = frozenset(Headers.__struct_fields__)
# Names that Celery has on every request, set or not.
_ABSENT: Final = frozenset({"logfile", "loglevel", "soft_time_limit", "taskset", "time_limit", "utc"})
_STORED_AS: Final = {"headers": "_wire", "properties": "_properties", "delivery_info": "_info"}
_decode = msgspec.json.Decoder().decode


class Context(msgspec.Struct, dict=True, eq=False):
    """The request of one run.

    Attributes:
        args, kwargs: as they were sent.
        wire: its message headers.
        embed: third part of its body: callbacks, errbacks, chain, chord.
        sent_children: results of the tasks that this one sent so far, None before the first.
        hostname: node name of the worker, None outside of one.
        called_directly: True when the task was called as a function.
        is_eager: True inside `apply()`.
        replaced_by: the messages that take its place, once `Task.replace` has built them.
        added: the messages that leave with whatever ends this run (`Task.add_to_chord`).
        running, outer: the task and the request around this one (`current.push_request`).
    """

    wire: Headers
    _envelope: Envelope | None = None
    args: Any = ()
    kwargs: Any = {}
    embed: dict[str, Any] = {}
    _delivery: Delivery | None = None
    hostname: str | None = None
    called_directly: bool = False
    is_eager: bool = False
    sent_children: list[Any] | None = None
    running: Any = None
    outer: Any = None
    protected: bool = False
    replaced_by: tuple[Any, ...] = ()
    added: tuple[Any, ...] = ()
    _wire: dict[str, Any] | None = None
    _properties: dict[str, Any] | None = None
    _info: dict[str, Any] | None = None

    @property
    def task(self) -> str:
        """Task name."""
        return self.wire.task

    @property
    def id(self) -> str:
        """Task id; None when the task was called as a function."""
        return self.wire.id

    @property
    def lang(self) -> str:
        return self.wire.lang

    @property
    def shadow(self) -> str | None:
        return self.wire.shadow

    @property
    def eta(self) -> str | None:
        """Moment before which it was not to start, ISO 8601."""
        return self.wire.eta

    @property
    def expires(self) -> str | None:
        """Moment after which it is not to start, ISO 8601."""
        return self.wire.expires

    @property
    def group(self) -> str | None:
        return self.wire.group

    @property
    def group_index(self) -> int | None:
        return self.wire.group_index

    @property
    def retries(self) -> int:
        """Number of retries so far."""
        return self.wire.retries

    @property
    def timelimit(self) -> list[float | None] | None:
        """Hard and soft limit in seconds as the caller gave them."""
        limits = self.wire.timelimit
        return None if limits is None else [*limits]

    @property
    def root_id(self) -> str | None:
        return self.wire.root_id

    @property
    def parent_id(self) -> str | None:
        return self.wire.parent_id

    @property
    def argsrepr(self) -> str:
        return self.wire.argsrepr

    @property
    def kwargsrepr(self) -> str:
        return self.wire.kwargsrepr

    @property
    def origin(self) -> str:
        """Who sent it."""
        return self.wire.origin

    @property
    def ignore_result(self) -> bool | None:
        """Whether the caller wants no result; None when the caller left it to the worker's settings."""
        return self.wire.ignore_result

    @property
    def replaced_task_nesting(self) -> int:
        return self.wire.replaced_task_nesting

    @property
    def stamped_headers(self) -> list[str] | None:
        return self.wire.stamped_headers

    @property
    def stamps(self) -> dict[str, Any] | None:
        return self.wire.stamps

    @property
    def callbacks(self) -> list[dict[str, Any]] | None:
        """Signatures to send after success."""
        return self.embed.get("callbacks")

    @property
    def errbacks(self) -> list[dict[str, Any]] | None:
        """Signatures to send after failure."""
        return self.embed.get("errbacks")

    @property
    def chain(self) -> list[dict[str, Any]] | None:
        """The tasks that follow, last one first."""
        return self.embed.get("chain")

    @property
    def chord(self) -> dict[str, Any] | None:
        return self.embed.get("chord")

    @property
    def children(self) -> list[Any]:
        """Results of the tasks that this one sent."""
        children = self.sent_children
        if children is None:
            children = self.sent_children = []
        return children

    @property
    def properties(self) -> dict[str, Any]:
        """Message properties as sent."""
        known = self._properties
        if known is None:
            known = self._properties = {} if self._envelope is None else _decode(self._envelope.properties)
        return known

    @property
    def correlation_id(self) -> str | None:
        return self.properties.get("correlation_id")

    @property
    def reply_to(self) -> str | None:
        return self.properties.get("reply_to")

    @property
    def delivery_info(self) -> dict[str, Any] | None:
        """``exchange``, ``routing_key``, ``priority`` and ``redelivered``; None outside of a worker."""
        delivery = self._delivery
        if delivery is None:
            return self._info
        sent = self.properties.get("delivery_info") or {}
        return {
            "exchange": sent.get("exchange", ""),
            "routing_key": sent.get("routing_key", delivery.queue),
            "priority": self.properties.get("priority", delivery.priority),
            "redelivered": delivery.redelivered,
        }

    @property
    def came_from(self) -> str | None:
        """The queue that the message was taken from; None outside of a worker."""
        return None if self._delivery is None else self._delivery.queue

    @property
    def headers(self) -> dict[str, Any] | None:
        """The custom headers only, None when there are none."""
        custom = {name: value for name, value in self._wire_headers().items() if name not in _KNOWN}
        return custom or None

    @property
    def all_headers(self) -> dict[str, Any]:
        """Celery's headers and the custom ones."""
        return dict(self._wire_headers())

    def get(self, key: str, default: Any = None) -> Any:
        """Attribute by name, or a default."""
        return getattr(self, key, default)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set attributes, as `dict.update` takes them."""
        for name, value in dict(*args, **kwargs).items():
            if name in _HEADER_FIELDS:
                setattr(self.wire, name, value)
            elif name in ("callbacks", "errbacks", "chain", "chord"):
                self.embed = {**self.embed, name: value}
            else:
                setattr(self, _STORED_AS.get(name) or name, value)

    def as_execution_options(self) -> dict[str, Any]:
        """The options with which this very task would be sent again."""
        hard, soft = self.wire.timelimit or (None, None)
        return {
            "task_id": self.id, "root_id": self.root_id, "parent_id": self.parent_id, "group_id": self.group,
            "group_index": self.group_index, "shadow": self.shadow, "chord": self.chord, "chain": self.chain,
            "link": self.callbacks, "link_error": self.errbacks, "expires": self.expires, "soft_time_limit": soft,
            "time_limit": hard, "headers": self._resent_headers(), "retries": self.retries, "reply_to": self.reply_to,
            "replaced_task_nesting": self.replaced_task_nesting, "origin": self.origin,
            "ignore_result": self.ignore_result, "stamped_headers": self.stamped_headers,
            **{name: value for name, value in (self.stamps or {}).items() if name in (self.stamped_headers or ())},
            **self._written_as(),
        }  # fmt: skip

    def _written_as(self) -> dict[str, Any]:
        """How its body was written, unless it is plain JSON: arguments that came by pickle may go by nothing else."""
        if self._envelope is None:
            return {}
        content_type = self._envelope.content_type.partition(";")[0].strip()
        found = {} if content_type == "application/json" else {"serializer": content_type}
        compression = self._envelope.headers.compression
        return {**found, "compression": compression} if compression else found

    def _resent_headers(self) -> dict[str, Any] | None:
        custom = {name: value for name, value in (self.headers or {}).items() if not name.startswith("x-death")}
        return custom or None

    def _wire_headers(self) -> dict[str, Any]:
        """All headers as they were sent."""
        known = self._wire
        if known is None:
            known = self._wire = {} if self._delivery is None else _decode(self._delivery.head).get("headers", {})
        return known

    def __getattr__(self, name: str) -> Any:
        if name in _ABSENT:
            return None
        if not name.startswith("__"):
            for source in (self._wire_headers(), self.embed):
                if name in source:
                    return source[name]
        raise AttributeError(f"the request of a task has no attribute {name!r}")


class _LikeContext(type):
    """So that a `Context` is an instance of `Made`, and what the one has the other has."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Context)

    def __getattr__(cls, name: str) -> Any:
        return getattr(Context, name)


class Made(metaclass=_LikeContext):
    """`Context` as Celery makes one, out of attributes: for whoever runs a task himself and pushes a request for it.

    Args:
        args, kwargs: attributes, as `Context.update` takes them.

    Example:
        >>> request = Made(id="an-id", loglevel=20)
        >>> request.id, request.loglevel, isinstance(request, Made)
        ('an-id', 20, True)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Context:  # type: ignore[misc]  # nothing is a plain instance of it
        made = Context(Headers("", None))  # type: ignore[arg-type]  # no id before somebody gives one
        made.update(*args, **kwargs)
        return made
