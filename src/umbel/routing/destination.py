"""From the options of a call to the queues it goes into.

    what the caller wrote       wins, then what the task has
    the first route that fits   fills what both left open
    the default queue           when nobody named one, and no route fits

Then, as Celery does it: a message whose queue has a direct exchange goes to that queue by its name, unless exchange and
key were both given; any other goes to the exchange under the key, and into each queue that is bound to it there. A
store that has queues only is sent one message for each of them, all in one step; a server with exchanges of its own
gets the message and knows more than this app does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..abilities import Exchanges
from ..exceptions import ImproperlyConfigured, QueueNotFound
from .declared import Declared, named
from .entities import Exchange, Queue, exchange_of, is_queue, listed, queue_of
from .routes import Call, Router, Routes, find

OWN_QUEUE = "umbel_own_queue"
"""Option of a retry: the queue that its message came from, to which it returns whatever exchange it once went to."""


class Destination(msgspec.Struct, frozen=True):
    """Where a message goes.

    Attributes:
        exchange: name of the exchange, "" when it goes to a queue by its name.
        routing_key: the key.
        queues: those that it goes into; none when it goes to the exchange, because the store knows what is bound there.
    """

    exchange: str
    routing_key: str
    queues: tuple[Queue, ...]


def routed(routes: Routes, declared: Declared, call: Call, *, ask: bool = True) -> dict[str, Any]:
    """The options of a call, completed by its route; a queue in them is a `Queue`.

    Args:
        routes: from `compile_routes`.
        declared: the queues that exist.
        call: the task, its arguments, and what caller and task wrote; None counts as not written.
        ask: False while the arguments are not known: functions are not asked then.

    Raises:
        QueueNotFound: a queue is not declared and must be.
    """
    made = {option: value for option, value in call.options.items() if value is not None}
    found = None
    if routes:
        if not ask:
            routes = tuple(router for router in routes if not isinstance(router, Router))
        name = made.get("route_name") or call.name
        found = find(routes, Call(name, call.args, call.kwargs, made, call.task))
        made = {**(found or {}), **made}
    queue = made.pop("queue", None)
    if queue:
        made["queue"] = _queue(declared, queue)
    elif not found:
        made["queue"] = declared.find(declared.default_queue)
    return made


def destination(
    declared: Declared, options: Mapping[str, Any], exchanges: Callable[[], Exchanges] = lambda: "sender"
) -> Destination:
    """Where a message with these options goes.

    Args:
        declared: the queues that exist.
        options: from `routed`.
        exchanges: what the store can (`broker.Abilities.exchanges`); asked when an exchange is named.

    Raises:
        QueueNotFound: no queue is bound to the exchange under this key.
        ImproperlyConfigured: there is an exchange without a key, or a queue that this store cannot have.
    """
    queue: Queue | None = options.get("queue")
    plain = not options.get("exchange") and not options.get("exchange_type")
    if plain and queue is not None and _type_of(queue) == "direct":  # what nearly every call is
        return Destination("", queue.name, (named(queue),))
    given, key = exchange_of(options.get("exchange")), options.get("routing_key") or ""
    if queue is None and not given.name:
        queue = declared.find(declared.default_queue)
    kind = options.get("exchange_type") or (_type_of(queue) if queue is not None else "direct")
    if (not given.name or not key) and kind == "direct":
        if queue is None:
            raise ImproperlyConfigured(
                f"The exchange {given.name!r} is named without a queue or a routing_key, so no queue can be found."
            )
        return Destination("", queue.name, (named(queue),))
    if not given.name:
        assert queue is not None
        given = queue.exchange if queue.exchange is not None and queue.exchange.name else declared.default_exchange
        key = key or queue.routing_key or declared.default_key
    exchange = Exchange(given.name, options.get("exchange_type") or given.type)
    return Destination(given.name, key, _queues(declared, exchange, key, queue, exchanges()))


def _queues(
    declared: Declared, exchange: Exchange, key: str, queue: Queue | None, exchanges: Exchanges
) -> tuple[Queue, ...]:
    found = declared.reached(exchange.name, key, queue)
    ours = queue is None or queue.name in declared.queues
    if exchanges == "server" and ours and (found or not _made_on_the_fly(declared, exchange, key, queue)):
        return ()
    shared = tuple(each for each in found if not each.per_worker)
    if exchanges != "sender" and len(shared) < len(found):
        return shared
    return tuple(map(named, found)) or (_unbound(declared, exchange, key, queue),)


def _made_on_the_fly(declared: Declared, exchange: Exchange, key: str, queue: Queue | None) -> bool:
    """Whether it is called like the exchange that Celery makes for a queue that nobody declares."""
    return exchange.type == "direct" and exchange.name == key and not declared.knows(exchange.name, queue)


def _unbound(declared: Declared, exchange: Exchange, key: str, queue: Queue | None) -> Queue:
    """Where a message goes whose exchange leads nowhere that is known here.

    Other programs may have bound queues to an exchange that this app says nothing about: then the queue that the
    caller named takes the message, or the one that has the name of the key, as exchanges made on the fly have it.
    """
    unknown = not declared.knows(exchange.name, queue)
    if unknown and exchange.type == "direct" and key and (not declared.written or exchange.name == key):
        default = queue is None or queue.name == declared.default_queue
        return named(declared.find(key) if queue is None or default else queue)
    known = ", ".join(repr(name) for name in sorted(declared.table)) or "none"
    if unknown:
        raise QueueNotFound(
            f"No queue of task_queues is bound to the exchange {exchange.name!r} (there are {known}): bind one with"
            f" Queue(name, Exchange({exchange.name!r}), routing_key)."
        )
    raise QueueNotFound(
        f"No queue of task_queues is bound to the exchange {exchange.name!r} so that the key {key!r} fits; there are"
        f" {listed(declared.queues.values())}."
    )


def _queue(declared: Declared, value: Any) -> Queue:
    if isinstance(value, str):
        return declared.find(value)
    if not is_queue(value):
        raise ImproperlyConfigured(
            f"The option `queue` must be a queue's name or a Queue, not a value of type {type(value).__name__}."
        )
    return queue_of(value)


def _type_of(queue: Queue) -> str:
    return queue.exchange.type if queue.exchange is not None else "direct"
