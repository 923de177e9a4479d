"""What is to be declared: exchanges, queues and bindings as values, exactly as Celery 5.7 declares them.

A second declaration with other arguments is refused by RabbitMQ (406), so one byte of difference would lock Celery's
processes out. What is here is told apart by whom it belongs to:

    tasks     the project's queues: `task_queues`, `task_default_queue` and relatives, else an exchange of the queue's
              own name; a queue that no setting describes is a quorum queue, except Celery's default one, ``celery``,
              which any Celery process declares as a classic one
    delays    the ladder of Celery's native delayed delivery (`ladder`)
    control   celery.pidbox, reply.celery.pidbox, celeryev, and the reply queues of rpc://
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

QUORUM: Final = "quorum"
CLASSIC: Final = "classic"
_CELERYS: Final = "celery"
_ONLY_CLASSIC: Final = ("x-max-priority",)
_ARGUMENTS: Final = (
    ("expires", "x-expires", 1000),
    ("message_ttl", "x-message-ttl", 1000),
    ("max_length", "x-max-length", 1),
    ("max_length_bytes", "x-max-length-bytes", 1),
    ("max_priority", "x-max-priority", 1),
)


_LONGEST: Final = 255


def server_name(queue: str) -> str:
    """How a queue is called on the server: AMQP's names have at most 255 bytes; a longer one ends in its hash."""
    data = queue.encode()
    return queue if len(data) <= _LONGEST else f"{data[:200].decode(errors='ignore')}~{digest(queue)}"


def digest(name: str) -> str:
    """40 characters that stand for a name where it cannot stand itself."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


class Exchange(msgspec.Struct, frozen=True):
    """An exchange. Its kind is direct, topic or fanout; "" is the default one, which nobody declares."""

    name: str = ""
    kind: str = "direct"
    durable: bool = True
    auto_delete: bool = False
    arguments: dict[str, Any] = {}


class Way(msgspec.Struct, frozen=True):
    """A binding into a queue."""

    exchange: Exchange
    key: str = ""
    arguments: dict[str, Any] = {}


class Queue(msgspec.Struct, frozen=True):
    """A queue and the ways into it.

    Attributes:
        name: its name.
        arguments: x-arguments.
        durable, exclusive, auto_delete: as AMQP has them.
        ways: bindings beside the one by its own name.
        declare: False when somebody else declares it (`no_declare`).
        kind: its type when its arguments name none, "" for what the server takes then.
        described: whether its ways are made also when it exists: those that settings describe are, and those of our own
            queues, because whoever made the queue may have died before he made its way.
        own: it is one worker's alone (`Broadcast`), and is made by nobody else.
    """

    name: str
    arguments: dict[str, Any] = {}
    durable: bool = True
    exclusive: bool = False
    auto_delete: bool = False
    ways: tuple[Way, ...] = ()
    declare: bool = True
    kind: str = ""
    described: bool = False
    own: bool = False


UNUSED: Final = 60_000
"""Milliseconds after which the server removes the queue of a worker that is gone. Celery has it removed with its last
consumer (auto-delete); but umbel's processes consume only while they are idle.
"""


class Plan(msgspec.Struct, frozen=True):
    """What one application declares.

    Attributes:
        queues: the described ones by name.
        kind: type of queues that nothing describes.
        ladder: type of new delay queues (`broker_native_delayed_delivery_queue_type`).
    """

    queues: dict[str, Queue] = {}
    kind: str = QUORUM
    ladder: str = QUORUM

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Plan:
        """What the options of a broker say.

        Args:
            options: ``queues`` (name -> the fields of a kombu Queue as plain values: ``queue_arguments``, ``durable``,
                ``exchange`` and so on, see `described`), ``queue_type`` and ``delay_queue_type``.
        """
        found = {name: described(name, fields) for name, fields in (options.get("queues") or {}).items()}
        return cls(found, str(options.get("queue_type") or QUORUM), str(options.get("delay_queue_type") or QUORUM))

    def queue(self, name: str) -> Queue:
        """How a queue is declared if it does not exist."""
        found = self.queues.get(name)
        if found is None:
            name = server_name(name)
            found = Queue(name, ways=(Way(Exchange(name), name),))
        kind = found.kind if found.described else self.kind
        if kind in {"", CLASSIC} or "x-queue-type" in found.arguments or not _may_be_quorum(found) or name == _CELERYS:
            return found
        return msgspec.structs.replace(found, arguments={"x-queue-type": kind, **found.arguments})


def described(name: str, fields: Mapping[str, Any]) -> Queue:
    """A queue of `task_queues`.

    Args:
        name: its name.
        fields: plain values under kombu's names; ``bindings`` is a list of (exchange fields, key, arguments), the
            fields of an exchange are name, type, durable, auto_delete and arguments.
    """
    arguments = dict(fields.get("queue_arguments") or {})
    for field, argument, factor in _ARGUMENTS:
        value = fields.get(field)
        if value is not None:
            arguments[argument] = int(value * factor)
    own = bool(fields.get("per_worker"))
    if own:
        arguments.setdefault("x-expires", UNUSED)
    ways = tuple(
        Way(_exchange(exchange), key or "", dict(more or {})) for exchange, key, more in fields.get("bindings") or ()
    )
    return Queue(
        name,
        arguments,
        durable=bool(fields.get("durable", True)),
        exclusive=bool(fields.get("exclusive", False)),
        auto_delete=bool(fields.get("auto_delete", False)) and not own,
        ways=tuple(way for way in ways if way.exchange.name),
        declare=not fields.get("no_declare", False),
        kind=str(fields.get("queue_type") or ""),
        described=True,
        own=own,
    )


# Celery's own

PIDBOX: Final = Exchange("celery.pidbox", "fanout", durable=False)
REPLIES: Final = Exchange("reply.celery.pidbox", "direct", durable=False)
EVENTS: Final = Exchange("celeryev", "topic")

_MAIL: Final = {"x-message-ttl": 300_000, "x-expires": 10_000}
_EVENT: Final = {"x-message-ttl": 5_000, "x-expires": 60_000}


def mailbox(node: str) -> Queue:
    """Where a worker hears requests of remote control."""
    return Queue(f"{node}.celery.pidbox", _MAIL, durable=False, exclusive=True, auto_delete=True, ways=(Way(PIDBOX),))


def answers(oid: str) -> Queue:
    """Where a client hears the answers to its requests of remote control."""
    return Queue(
        f"{oid}.reply.celery.pidbox", _MAIL, durable=False, exclusive=True, auto_delete=True, ways=(Way(REPLIES, oid),)
    )


def listener(ident: str, key: str = "#", exchange: Exchange = EVENTS) -> Queue:
    """Where a monitor hears events."""
    ways = (Way(exchange, key),)
    return Queue(f"celeryev.{ident}", _EVENT, durable=False, exclusive=True, auto_delete=True, ways=ways)


def results(oid: str, expires: float = 86_400) -> Queue:
    """Where a client of rpc:// gets its results."""
    return Queue(oid, {"x-expires": int(expires * 1000)}, auto_delete=True)


def _exchange(fields: Mapping[str, Any]) -> Exchange:
    return Exchange(
        fields.get("name") or "",
        fields.get("type") or "direct",
        durable=bool(fields.get("durable", True)),
        auto_delete=bool(fields.get("auto_delete", False)),
        arguments=dict(fields.get("arguments") or {}),
    )


def _may_be_quorum(queue: Queue) -> bool:
    return (
        queue.durable
        and not queue.exclusive
        and not queue.auto_delete
        and not queue.own
        and not any(name in queue.arguments for name in _ONLY_CLASSIC)
    )
