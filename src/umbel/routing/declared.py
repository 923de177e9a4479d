"""The queues that exist: `task_queues` with the defaults that Celery fills in, and what is bound to what.

nothing in task_queues   one queue, `task_default_queue`
a queue without exchange has `task_default_exchange` (else the default queue's name), of the default type
a queue without key      has `task_default_routing_key` (else the default queue's name)
a name alone             is bound to an exchange of its own name by its own name, as is a queue made on the fly
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from ..abilities import Exchanges
from ..exceptions import ImproperlyConfigured, QueueNotFound
from ..utils.topic import fits
from .entities import TYPES, Exchange, Queue, exchange_of, is_queue, listed, queue_of

_MADE: Final = 1_000
_FORM: Final = "task_queues must be a list of names or of queues with a name, or a dict by name."


class Declared(msgspec.Struct, frozen=True):
    """What an app knows of its queues.

    Attributes:
        queues: name -> queue, in order; what a worker without `-Q` consumes.
        aliases: alias -> queue.
        default_queue: `task_default_queue`.
        default_exchange, default_key: for queues that name none.
        missing: `task_create_missing_queues`.
        missing_type: type of the exchange of a queue made on the fly.
        max_priority: `task_queue_max_priority`.
        written: whether `task_queues` has any.
        table: exchange name -> its type and the (key, queue) pairs bound to it.
        made: queues made on the fly, up to a thousand of them, so that they are not made anew with each call.
    """

    queues: dict[str, Queue]
    aliases: dict[str, Queue]
    default_queue: str
    default_exchange: Exchange
    default_key: str
    missing: bool
    missing_type: str
    max_priority: int | None
    written: bool
    table: dict[str, tuple[str, tuple[tuple[str, Queue], ...]]]
    made: dict[str, Queue] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The declared queues' names."""
        return tuple(self.queues)

    def find(self, name: str) -> Queue:
        """The queue of this name or alias.

        Raises:
            QueueNotFound: nothing declares it, and `task_create_missing_queues` is off.
        """
        found = self.aliases.get(name) or self.queues.get(name)
        if found is not None:
            return found
        if not self.missing:
            raise QueueNotFound(
                f"There is no queue {name!r} in task_queues (it has {listed(self.queues.values())}), and"
                " task_create_missing_queues is off."
            )
        found = self.made.get(name)
        if found is None:
            found = Queue(name, Exchange(name, self.missing_type), name, max_priority=self.max_priority)
            if len(self.made) < _MADE:
                self.made[name] = found
        return found

    def unalias(self, name: str) -> str:
        """The queue that an alias stands for; any other name is itself."""
        return self.aliases[name].name if name in self.aliases else name

    def consumable(self, name: str, exchanges: Callable[[], Exchanges] = lambda: "sender") -> Queue:
        """The queue of this name, as a worker consumes it.

        Args:
            name: of the queue, or an alias.
            exchanges: what the store can; asked for a queue of each worker's own.

        Raises:
            QueueNotFound: as `find`.
            ImproperlyConfigured: it is a queue for each worker, and the store cannot make one.
        """
        found = self.find(name)
        return found if found.per_worker and exchanges() != "sender" else named(found)

    def reached(self, exchange: str, key: str, beside: Queue | None = None) -> tuple[Queue, ...]:
        """The queues that a message to ``exchange`` under ``key`` goes into, in the order of declaration; also those
        that stand for a queue of each worker's own.

        Args:
            exchange: its name, not "".
            key: routing key.
            beside: a queue whose own bindings count too, because the message names it.
        """
        kind, bound = self.table.get(exchange, ("direct", ()))
        if beside is not None and beside.name not in self.queues:
            for way, pattern in beside.ways:
                if way.name == exchange:
                    kind, bound = kind if bound else way.type, (*bound, (pattern, beside))
        if kind == "direct":
            found = [queue for pattern, queue in bound if pattern == key]
        elif kind == "topic":
            found = [queue for pattern, queue in bound if fits(pattern, key)]
        else:
            found = [queue for _pattern, queue in bound]
        return tuple(dict.fromkeys(found))

    def knows(self, exchange: str, beside: Queue | None = None) -> bool:
        """Whether any queue is bound to an exchange of this name."""
        ways = beside.ways if beside is not None else ()
        return exchange in self.table or any(way.name == exchange for way, _pattern in ways)


def named(queue: Queue) -> Queue:
    """The queue, if it is one.

    Raises:
        ImproperlyConfigured: it stands for a queue for each worker.
    """
    if queue.per_worker:
        shown = queue.alias or queue.name
        raise ImproperlyConfigured(
            f"Broadcast({shown!r}) means a queue for each worker, which this store cannot make: declare one for each"
            f" instead, Broadcast({shown!r}, queue='{shown}.web'), and name it with -Q."
        )
    return queue


def declare(conf: Any) -> Declared:
    """What the settings declare.

    Raises:
        ImproperlyConfigured: `task_queues` has another form, or an exchange has two types or an unknown one.

    Example:
        >>> from umbel.conf import Settings
        >>> declare(Settings({"task_queues": ["mail", "reports"]})).names
        ('mail', 'reports')
    """
    default = conf.task_default_queue
    exchange = Exchange(conf.task_default_exchange or default, conf.task_default_exchange_type)
    key, most = conf.task_default_routing_key or default, conf.task_queue_max_priority
    written = queues_of(conf.task_queues)
    plain = written or (Queue(default, exchange, key),)
    found = {queue.name: _filled(queue, exchange, key, most) for queue in plain}
    aliases = {queue.alias: queue for queue in found.values() if queue.alias}
    own = conf.task_create_missing_queue_exchange_type or "direct"
    return Declared(
        found, aliases, default, exchange, key, bool(conf.task_create_missing_queues),
        _known_type("task_create_missing_queue_exchange_type", own), most, bool(written), _table(found.values()),
    )  # fmt: skip


def queues_of(setting: Any) -> tuple[Queue, ...]:
    """The queues of `task_queues`, as they were written.

    Raises:
        ImproperlyConfigured: it has another form.
    """
    if setting is None:
        return ()
    if isinstance(setting, Mapping):
        return tuple(_queue(value, name) for name, value in setting.items())
    if not isinstance(setting, list | tuple | set | frozenset):
        raise ImproperlyConfigured(_FORM)
    return tuple(_queue(value) for value in setting)


def _queue(value: Any, name: Any = None) -> Queue:
    if is_queue(value) and not isinstance(value, Mapping):
        return queue_of(value)
    if isinstance(value, Mapping):
        options = {str(key): given for key, given in value.items() if given is not None}
        return _from_dict(name or options.pop("name", None), options)
    name = value if name is None else name
    if not isinstance(name, str) or not name or (value is not name and value is not None):
        raise ImproperlyConfigured(_FORM)
    return Queue(name, Exchange(name), name)


def _from_dict(name: Any, options: dict[str, Any]) -> Queue:
    """A queue as Celery reads it from a dictionary: unless told otherwise, its key is its name."""
    if not isinstance(name, str) or not name:
        raise ImproperlyConfigured(_FORM)
    exchange, kind = options.pop("exchange", ""), options.pop("exchange_type", "direct")
    if isinstance(exchange, str):
        exchange = Exchange(exchange, _known_type(f"The exchange_type of the queue {name!r}", kind))
    key = options.pop("binding_key", None) or options.get("routing_key") or name
    known = {option: options[option] for option in options if option in Queue.__struct_fields__}
    return Queue(name, **{**known, "exchange": exchange_of(exchange), "routing_key": key})


def _filled(queue: Queue, exchange: Exchange, key: str, most: int | None) -> Queue:
    """With what `task_queues` left out."""
    own = queue.exchange if queue.exchange is not None and queue.exchange.name else exchange
    arguments = queue.queue_arguments or {}
    limit = queue.max_priority if queue.max_priority is not None else arguments.get("x-max-priority", most)
    return msgspec.structs.replace(queue, exchange=own, routing_key=queue.routing_key or key, max_priority=limit)


def _table(queues: Iterable[Queue]) -> dict[str, tuple[str, tuple[tuple[str, Queue], ...]]]:
    found: dict[str, tuple[str, tuple[tuple[str, Queue], ...]]] = {}
    for queue in queues:
        for exchange, key in queue.ways:
            kind, bound = found.get(exchange.name, (exchange.type, ()))
            if kind != _known_type(f"The type of the exchange {exchange.name!r}", exchange.type):
                raise ImproperlyConfigured(
                    f"The exchange {exchange.name!r} of task_queues is {kind} in one place and {exchange.type} in"
                    f" another (queue {queue.name!r}): write the same type everywhere."
                )
            found[exchange.name] = (kind, (*bound, (key, queue)))
    return found


def _known_type(what: str, kind: Any) -> str:
    if kind not in TYPES:
        raise ImproperlyConfigured(f"{what} must be one of {', '.join(TYPES)}, not {kind!r}.")
    return str(kind)
