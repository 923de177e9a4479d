"""Queues, exchanges and bindings as values, with kombu's names and signatures; nothing here speaks to a store.

    Exchange    where a message is sent: direct (the key is equal), topic (the key fits a pattern), fanout (any key)
    binding     an exchange and a key that lead into a queue
    Queue       a queue with its exchange and key, or with several bindings

A project's settings may hold kombu's own objects; `queue_of` and `exchange_of` take them by their attributes, so that
kombu is never imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import force_setattr

from ..exceptions import ImproperlyConfigured
from ..ids import new_id

TYPES: Final = ("direct", "topic", "fanout")
_UNIQUE: Final = re.compile(r".*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _ExchangeOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, repr_omit_defaults=True):
    arguments: dict[str, Any] | None = None
    durable: bool = True
    passive: bool = False
    auto_delete: bool = False
    delivery_mode: int | str | None = None
    no_declare: bool = False


class Exchange(_ExchangeOptions, frozen=True):
    """Where a message is sent; which queues it reaches is a matter of their bindings.

    Attributes:
        name: its name; "" is the exchange in which every queue is bound by its own name.
        type: "direct", "topic" or "fanout".
        channel: accepted as kombu has it, without effect.
        arguments, durable, passive, auto_delete, delivery_mode, no_declare: for brokers that have exchanges.

    Example:
        >>> Exchange("media", type="topic").type
        'topic'
    """

    name: str = ""
    type: str = "direct"
    channel: Any = None

    def __post_init__(self) -> None:
        force_setattr(self, "name", self.name or "")
        force_setattr(self, "type", self.type or "direct")

    def __hash__(self) -> int:
        return hash(("E", self.name))


NO_EXCHANGE: Final = Exchange()
"""The one without a name, in which every queue is bound by its own."""


class binding(msgspec.Struct, frozen=True, omit_defaults=True, repr_omit_defaults=True):  # noqa: N801 - kombu's name
    """One way from an exchange into a queue.

    Attributes:
        exchange: the exchange, or its name.
        routing_key: key or, for a topic exchange, pattern: ``*`` is one word, ``#`` any number of words.
        arguments, unbind_arguments: for brokers that have exchanges.

    Example:
        >>> binding("media", "video.*").exchange.name
        'media'
    """

    exchange: Any = None
    routing_key: str = ""
    arguments: dict[str, Any] | None = None
    unbind_arguments: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "exchange", exchange_of(self.exchange))

    def __hash__(self) -> int:
        return hash(("B", exchange_of(self.exchange).name, self.routing_key))


class _QueueOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, repr_omit_defaults=True):
    queue_arguments: dict[str, Any] | None = None
    binding_arguments: dict[str, Any] | None = None
    consumer_arguments: dict[str, Any] | None = None
    durable: bool = True
    exclusive: bool = False
    auto_delete: bool = False
    no_ack: bool = False
    alias: str | None = None
    no_declare: bool | None = None
    expires: float | None = None
    message_ttl: float | None = None
    max_length: int | None = None
    max_length_bytes: int | None = None
    max_priority: int | None = None
    per_worker: bool = False


class Queue(_QueueOptions, frozen=True):
    """A queue and what leads into it.

    Attributes:
        name: its name.
        exchange: an `Exchange` or its name; a list of `binding`s is taken as ``bindings``.
        routing_key: key under which it is bound to ``exchange``.
        channel, on_declared: accepted as kombu has them, without effect.
        bindings: more ways into it.
        alias: another name for it.
        max_priority: highest priority it knows, 1-9; a higher one counts as this.
        per_worker: it stands for a queue of each worker's own (`Broadcast`).
        queue_arguments, binding_arguments, consumer_arguments, durable, exclusive, auto_delete, no_ack, no_declare,
            expires, message_ttl, max_length, max_length_bytes: for brokers that have exchanges.

    Raises:
        ImproperlyConfigured: it has no name, or the exchange is not one.

    Example:
        >>> Queue("video", Exchange("media", "topic"), routing_key="media.video.#").exchange.name
        'media'
        >>> len(Queue("video", [binding("media", "video"), binding("media", "film")]).bindings)
        2
    """

    name: str = ""
    exchange: Any = None
    routing_key: str = ""
    channel: Any = None
    bindings: Any = ()
    on_declared: Any = None

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise ImproperlyConfigured("A Queue must have a name: Queue('mail').")
        bound = list(self.bindings or ())
        if isinstance(self.exchange, list | tuple | set | frozenset):
            bound += self.exchange
            force_setattr(self, "exchange", None)
        force_setattr(self, "bindings", tuple(dict.fromkeys(_binding_of(self.name, one) for one in bound)))
        force_setattr(self, "exchange", None if self.exchange is None else exchange_of(self.exchange))
        force_setattr(self, "routing_key", self.routing_key or "")

    def __hash__(self) -> int:
        return hash(("Q", self.name))

    def as_dict(self) -> dict[str, Any]:
        """As `inspect active_queues` shows it, with kombu's names."""
        own = {name: value for name, value in _shown(self).items() if name != "per_worker"}
        exchange = None if self.exchange is None else _shown(self.exchange)
        bindings = [{**_shown(one), "exchange": _shown(one.exchange)} for one in self.bindings]
        return {**own, "exchange": exchange, "bindings": bindings}

    @property
    def ways(self) -> tuple[tuple[Exchange, str], ...]:
        """Every exchange with the key that leads here; bindings take the place of the queue's own exchange."""
        if self.bindings:
            return tuple((one.exchange, one.routing_key) for one in self.bindings)
        return ((self.exchange, self.routing_key),) if self.exchange is not None and self.exchange.name else ()


def Broadcast(  # noqa: N802 - kombu's name
    name: str | None = None, queue: str | None = None, unique: bool = False, auto_delete: bool = True,
    exchange: Any = None, alias: str | None = None, **options: Any,
) -> Queue:  # fmt: skip
    """A queue of a fanout exchange.

    Args:
        name: name of the exchange, and an alias of the queue.
        queue: name of the queue; without one every worker has a queue of its own. A store that has queues only cannot
            do that: there, sending to it and consuming it is refused with a sentence.
        unique: every worker has its own, whatever ``queue`` says.
        auto_delete, exchange, alias, options: as of `Queue`.

    Raises:
        ImproperlyConfigured: it has neither name nor exchange.

    Example:
        >>> news = Broadcast("news", queue="news.web")
        >>> news.name, news.alias, news.exchange.type
        ('news.web', 'news', 'fanout')
    """
    if not name and exchange is None:
        raise ImproperlyConfigured("A Broadcast must have a name: Broadcast('news').")
    each = unique or not queue
    return Queue(
        f"{queue or 'bcast'}.{new_id()}" if each else queue or "",
        Exchange(name or "", "fanout") if exchange is None else exchange, alias=alias or name, auto_delete=auto_delete,
        per_worker=each, **options,
    )  # fmt: skip


def is_queue(value: Any) -> bool:
    """Whether it is a `Queue`, kombu's, or the JSON form of one."""
    if isinstance(value, Mapping):
        return "name" in value and value.keys() <= set(Queue.__struct_fields__)
    return isinstance(value, Queue) or (hasattr(value, "name") and hasattr(value, "routing_key"))


def queue_of(value: Any) -> Queue:
    """A queue, from itself, from kombu's, or from the JSON form in which a callback's options travel."""
    if isinstance(value, Queue):
        return value
    if isinstance(value, Mapping):
        return Queue(**value)
    taken = {name: getattr(value, name, None) for name in _QueueOptions.__struct_fields__}
    options = {name: found for name, found in taken.items() if found is not None}
    if "Broadcast" in {base.__name__ for base in type(value).__mro__}:
        options["per_worker"] = _UNIQUE.fullmatch(str(value.name)) is not None
    ways = getattr(value, "exchange", None), value.routing_key or ""
    return Queue(value.name, *ways, bindings=getattr(value, "bindings", None), **options)


def exchange_of(value: Any) -> Exchange:
    """An exchange, from itself, its name, or kombu's.

    Raises:
        ImproperlyConfigured: it is none of these.
    """
    if isinstance(value, Exchange):
        return value
    if not value:
        return NO_EXCHANGE
    if isinstance(value, str):
        return Exchange(value)
    if isinstance(value, Mapping):
        return Exchange(**value)
    if not (hasattr(value, "name") and hasattr(value, "type")):
        raise ImproperlyConfigured(f"An exchange is an Exchange or its name, not a value of type {_type(value)}.")
    taken = {name: getattr(value, name, None) for name in _ExchangeOptions.__struct_fields__}
    options = {name: found for name, found in taken.items() if found is not None}
    return Exchange(value.name or "", value.type or "direct", **options)


def _binding_of(queue: str, value: Any) -> binding:
    if isinstance(value, binding):
        return value
    if isinstance(value, Mapping):
        return binding(**value)
    if not (hasattr(value, "exchange") and hasattr(value, "routing_key")):
        raise ImproperlyConfigured(f"The bindings of the queue {queue!r} must be binding(exchange, routing_key).")
    return binding(value.exchange, value.routing_key or "", getattr(value, "arguments", None))


def _shown(entity: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in entity.__struct_fields__ if name not in ("channel", "on_declared")}


def listed(queues: Iterable[Queue]) -> str:
    """Names for a sentence."""
    return ", ".join(sorted(repr(queue.name) for queue in queues)) or "none"


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _type(value: Any) -> str:
    return type(value).__name__
