"""From a task, its options and the settings to the template of a message. Pure: nothing is sent here.

task's options  <  the caller's options     the caller wins; his None takes back what the task has
routes, then the default queue              fill what both left open (`routing`)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final, NamedTuple, Self
from zoneinfo import ZoneInfo

import msgspec

from .. import clock
from ..abilities import Exchanges
from ..canvas import note
from ..exceptions import CeleryWarning
from ..priority import Priority, as_number
from ..routing import OWN_QUEUE, Call, Declared, Destination, Queue, Routes, asks, declare, destination, routed
from ..sender import Conf
from ..serialization import codec, compression, encode_json, is_own_json
from ..template import NO_LIMIT, Template

_FROM_TASK: Final = (
    "queue", "routing_key", "exchange", "priority", "expires", "serializer", "delivery_mode", "compression",
    "time_limit", "soft_time_limit",
)  # fmt: skip
"""Options of a call that a task may have as attributes."""

_USED: Final = frozenset(
    {
        *_FROM_TASK, "countdown", "eta", "headers", "link", "link_error", "shadow", "reply_to", "group_id",
        "group_index", "chord", "chain", "root_id", "parent_id", "ignore_result", "retries", "replaced_task_nesting",
        "origin", "stamped_headers", "stamps", "argsrepr", "kwargsrepr", "add_to_parent", "retry", "retry_policy",
        "task_id", "route_name", "exchange_type", OWN_QUEUE,
    }
)  # fmt: skip
_WITHOUT_EFFECT: Final = frozenset(
    {
        "connection", "producer", "publisher", "router", "timeout", "confirm_timeout", "declare", "mandatory",
        "immediate", "task_type", "result_cls", "subtask_type", "app", "throw",
        "logfile", "loglevel",
    }
)  # fmt: skip
"""Options that Celery has for its brokers; accepted."""

_EMBEDDED: Final = frozenset({"link", "link_error", "chain", "chord"})
_FURTHEST: Final = -2147483648
_REDACTED: Final = "..."


class Ways(NamedTuple):
    """Where messages can go, as settings and store say it; `nine_is_urgent` and `exchanges` open the store, and are
    asked when it matters.
    """

    routes: Routes
    declared: Declared
    each_call: bool
    nine_is_urgent: Callable[[], bool]
    exchanges: Callable[[], Exchanges]

    @classmethod
    def of(
        cls, conf: Conf, routes: Routes, nine_is_urgent: Callable[[], bool], exchanges: Callable[[], Exchanges]
    ) -> Self:
        """With the queues that the settings declare."""
        return cls(routes, declare(conf), asks(routes), nine_is_urgent, exchanges)


def compose(
    conf: Conf, ways: Ways, name: str, task: Any, given: Mapping[str, Any], call: tuple[Any, Any] | None
) -> Template:  # fmt: skip
    """The template of a call.

    Args:
        conf: the app's settings.
        ways: `task_routes` and `task_queues`.
        name: task name.
        task: the task, None when it is not known here.
        given: the caller's options.
        call: the arguments, None while they are not known: then functions among the routes are not asked.

    Raises:
        ValueError: an option is out of range.
        ImproperlyConfigured: an option cannot work here.
        QueueNotFound: the queue is not declared and must be.
    """
    args, kwargs = call if call is not None else ((), {})
    asked = Call(name, args, kwargs, {**_of_task(task), **given}, task)
    options = routed(ways.routes, ways.declared, asked, ask=call is not None)
    options.setdefault("priority", conf.task_default_priority)
    place = _place(ways, options)
    priority = options.get("priority")
    due, eta = _eta(conf, options)
    expires, expiration = _expires(conf, options)
    info = encode_json({"exchange": place.exchange, "routing_key": place.routing_key})
    (queue, most), *also = _limited(place, ways) if place.queues else [("", NO_LIMIT)]
    exchange, key = ("", "") if queue else (place.exchange, place.routing_key)
    embed = _embed(options)
    return Template(
        task=name, queue=queue, exchange=exchange, routing_key=key, priority=_number(priority, ways), due=due,
        eta=eta, expires=expires, expiration=expiration, serializer=_serializer(conf, options),
        compression=_compression(conf, options), shadow=options.get("shadow"), group=options.get("group_id"),
        group_index=options.get("group_index"), retries=options.get("retries") or 0,
        timelimit=_limits(options), root_id=options.get("root_id"), parent_id=options.get("parent_id"),
        origin=options.get("origin") or "",
        ignore_result=_ignore_result(task, options), replaced_task_nesting=options.get("replaced_task_nesting") or 0,
        reply_to=options.get("reply_to") or "", delivery_mode=_delivery_mode(options),
        delivery_info=msgspec.Raw(info), headers=dict(options.get("headers") or {}), properties=_properties(options),
        embed=embed, chord_note=_note(embed), retry_policy=_retry_policy(conf, options),
        add_to_parent=options.get("add_to_parent", True),
        inherit_priority=priority is None and conf.task_inherit_parent_priority, max_priority=most, also=tuple(also),
        each_call=ways.each_call, **_stamps(options),
        **_texts(conf, task, options),
    )  # fmt: skip


def _of_task(task: Any) -> dict[str, Any]:
    if task is None:
        return {}
    return {option: value for option in _FROM_TASK if (value := getattr(task, option, None)) is not None}


def _place(ways: Ways, options: Mapping[str, Any]) -> Destination:
    own = options.get(OWN_QUEUE)
    if own is None:
        return destination(ways.declared, options, ways.exchanges)
    queue = ways.declared.queues.get(own) or Queue(own)
    return Destination(options.get("exchange") or "", options.get("routing_key") or own, (queue,))


def _number(priority: Any, ways: Ways) -> int:
    """A priority as the store has it; a number is the store's own, as in Celery."""
    if isinstance(priority, Priority):
        return as_number(priority, nine_is_urgent=ways.nine_is_urgent())
    return as_number(priority)


def _limited(place: Destination, ways: Ways) -> list[tuple[str, int]]:
    """Queue and highest priority that it knows; first the one that knows the highest, so that it cuts nothing off.

    Where 0 is urgent the highest is the least urgent, and a queue has no bound, as in Celery.
    """
    first = place.queues[0]
    if len(place.queues) == 1 and first.max_priority is None:  # what nearly every call is
        return [(first.name, NO_LIMIT)]
    bounded = any(queue.max_priority is not None for queue in place.queues) and ways.nine_is_urgent()
    found = [
        (queue.name, queue.max_priority if bounded and queue.max_priority is not None else NO_LIMIT)
        for queue in place.queues
    ]
    return sorted(found, key=lambda pair: -pair[1])


def _serializer(conf: Conf, options: Mapping[str, Any]) -> str:
    """Its content type where "json" would mean this package's own and somebody registered another."""
    found = codec(options.get("serializer") or conf.task_serializer)
    return found.content_type if found.name == "json" and not is_own_json("json") else found.name


def _compression(conf: Conf, options: Mapping[str, Any]) -> str:
    """Content type of the method, "" for none: False in a call or on a task wins over `task_compression`."""
    name = options.get("compression", conf.task_compression)
    return compression(name).content_type if name else ""


def _limits(options: Mapping[str, Any]) -> tuple[float | None, float | None]:
    hard, soft = options.get("time_limit"), options.get("soft_time_limit")
    for name, limit in (("time_limit", hard), ("soft_time_limit", soft)):
        if limit is not None and limit < 0:
            raise ValueError(f"{name} is {limit} seconds; name more than 0, or leave it out for no limit")
    if hard is not None and soft is not None and soft > hard:
        raise ValueError("soft_time_limit must be less than or equal to time_limit")
    return hard, soft


def zone(conf: Conf) -> tzinfo | None:
    """The app's time zone; None is the machine's."""
    named = conf.timezone
    if named is None:
        return UTC if conf.enable_utc else None
    return ZoneInfo(named) if isinstance(named, str) else named


def aware(conf: Conf, moment: datetime | str) -> datetime:
    """A moment with its zone: a naive one is in the app's zone, text is ISO 8601."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is not None:
        return moment
    found = zone(conf)
    return moment.astimezone() if found is None else moment.replace(tzinfo=found)


def now(conf: Conf) -> datetime:
    """This moment as messages write it: in UTC, or with `enable_utc` off in the app's zone."""
    moment = clock.utcnow()
    return moment if conf.enable_utc else moment.astimezone(zone(conf))


def _eta(conf: Conf, options: Mapping[str, Any]) -> tuple[float, str | None]:
    countdown, eta = options.get("countdown"), options.get("eta")
    if countdown is not None:
        if countdown < _FURTHEST:
            raise ValueError(f"countdown is {countdown} seconds; the earliest that can be written is {_FURTHEST}.")
        moment = now(conf) + timedelta(seconds=float(countdown))
    elif eta is not None:
        moment = aware(conf, eta)
    else:
        return 0.0, None
    return moment.timestamp(), moment.isoformat()


def _expires(conf: Conf, options: Mapping[str, Any]) -> tuple[str | None, str | msgspec.UnsetType]:
    """The moment, and the milliseconds until then as Celery's message property has them."""
    expires = options.get("expires")
    if expires is None:
        return None, msgspec.UNSET
    this_moment = now(conf)
    if isinstance(expires, int | float):
        moment = this_moment + timedelta(seconds=float(expires))
    elif isinstance(expires, timedelta):
        moment = this_moment + expires
    else:
        moment = aware(conf, expires)
    left = (moment - this_moment).total_seconds()
    if left < 0:
        warnings.warn(f"The task expires at {moment}, which is past: it will not run.", CeleryWarning, stacklevel=6)
        left = 0.0
    return moment.isoformat(), str(round(left * 1000))


def _ignore_result(task: Any, options: Mapping[str, Any]) -> bool | None:
    found = options.get("ignore_result")
    if found is None and task is not None:
        found = task.ignore_result
    return None if found is None else bool(found)


def _delivery_mode(options: Mapping[str, Any]) -> int:
    mode = options.get("delivery_mode")
    if mode is None:
        exchange = getattr(options.get("queue"), "exchange", None)
        mode = None if exchange is None else exchange.delivery_mode
    if mode in (None, 2, "persistent"):
        return 2
    return 1


def _embed(options: Mapping[str, Any]) -> dict[str, Any] | None:
    if options.keys().isdisjoint(_EMBEDDED):
        return None
    return {
        "callbacks": _listed(options.get("link")),
        "errbacks": _listed(options.get("link_error")),
        "chain": options.get("chain"),
        "chord": options.get("chord"),
    }


def _note(embed: Mapping[str, Any] | None) -> bytes:
    return b"" if embed is None else note(embed["chord"], embed["chain"])


def _listed(links: Any) -> list[dict[str, Any]] | None:
    if links is None:
        return None
    found = [dict(link) for link in (links if isinstance(links, list | tuple) else [links])]
    return found or None


def _retry_policy(conf: Conf, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """How publishing is tried again; None: not at all."""
    wanted = options.get("retry", conf.task_publish_retry)
    return {**conf.task_publish_retry_policy, **(options.get("retry_policy") or {})} if wanted else None


def _stamps(options: Mapping[str, Any]) -> dict[str, Any]:
    names = options.get("stamped_headers")
    if not names:
        return {}
    stamps = {**(options.get("stamps") or {}), **{name: options[name] for name in names if name in options}}
    return {"stamped_headers": list(names), "stamps": stamps}


def _properties(options: Mapping[str, Any]) -> dict[str, Any]:
    stamped = options.get("stamped_headers") or ()
    return {
        name: value
        for name, value in options.items()
        if name not in _USED and name not in _WITHOUT_EFFECT and name not in stamped
    }


def _texts(conf: Conf, task: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The texts shown for the arguments: the caller's, three dots for a secret, or none: the arguments' own."""
    secret = _REDACTED if conf.task_redact_args or getattr(task, "redact", False) else None
    return {
        "argsrepr": options.get("argsrepr") or secret,
        "kwargsrepr": options.get("kwargsrepr") or secret,
        "repr_levels": conf.task_repr_maxlevels,
    }
