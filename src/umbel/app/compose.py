"""From a task, its options and the settings to the template of a message. Pure: nothing is sent here.

task's options  <  the caller's options     the caller wins; None counts as not written
routes, then the default queue              fill what both left open
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from .. import clock
from ..exceptions import CeleryWarning, ImproperlyConfigured, QueueNotFound
from ..priority import as_number
from ..routing import Routes, declared, destination
from ..sender import Conf
from ..serialization import codec, encode_json
from ..template import Template

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
        "task_id",
    }
)  # fmt: skip
_WITHOUT_EFFECT: Final = frozenset(
    {
        "connection", "producer", "publisher", "router", "timeout", "confirm_timeout", "declare", "mandatory",
        "immediate", "exchange_type", "route_name", "task_type", "result_cls", "subtask_type", "app", "throw",
        "logfile", "loglevel",
    }
)  # fmt: skip
"""Options that Celery has for its brokers; accepted."""

_EMBEDDED: Final = frozenset({"link", "link_error", "chain", "chord"})
_FURTHEST: Final = -2147483648
_REDACTED: Final = "..."


def compose(conf: Conf, routes: Routes, name: str, task: Any, given: Mapping[str, Any]) -> Template:
    """The template of a call.

    Args:
        conf: the app's settings.
        routes: compiled `task_routes`.
        name: task name.
        task: the task, None when it is not known here.
        given: the caller's options.

    Raises:
        ValueError: an option is out of range.
        ImproperlyConfigured: an option cannot work here.
        QueueNotFound: the queue is not declared and must be.
    """
    options = destination(name, {**_of_task(task), **_written(given)}, routes, conf.task_default_queue)
    options.setdefault("priority", conf.task_default_priority)
    queue, exchange, routing_key = _place(conf, options)
    priority = options.get("priority")
    due, eta = _eta(conf, options)
    expires, expiration = _expires(conf, options)
    info = encode_json({"exchange": exchange, "routing_key": routing_key})
    return Template(
        task=name, queue=queue, priority=as_number(priority), due=due, eta=eta, expires=expires, expiration=expiration,
        serializer=_serializer(conf, options), shadow=options.get("shadow"), group=options.get("group_id"),
        group_index=options.get("group_index"), retries=options.get("retries") or 0, timelimit=_limits(options),
        root_id=options.get("root_id"), parent_id=options.get("parent_id"), origin=options.get("origin") or "",
        ignore_result=_ignore_result(task, options), replaced_task_nesting=options.get("replaced_task_nesting") or 0,
        reply_to=options.get("reply_to") or "", delivery_mode=_delivery_mode(options),
        delivery_info=msgspec.Raw(info), headers=dict(options.get("headers") or {}), properties=_properties(options),
        embed=_embed(options), retry_policy=_retry_policy(conf, options),
        add_to_parent=options.get("add_to_parent", True),
        inherit_priority=priority is None and conf.task_inherit_parent_priority, **_stamps(options),
        **_texts(conf, task, options),
    )  # fmt: skip


def _of_task(task: Any) -> dict[str, Any]:
    if task is None:
        return {}
    found = {option: getattr(task, option, None) for option in _FROM_TASK}
    return {option: value for option, value in found.items() if value is not None}


def _written(options: Mapping[str, Any]) -> dict[str, Any]:
    return {option: value for option, value in options.items() if value is not None}


def _place(conf: Conf, options: Mapping[str, Any]) -> tuple[str, str, str]:
    """Queue, exchange and routing key; an exchange that is named alone leads to the queue of its routing key."""
    exchange = getattr(options.get("exchange"), "name", options.get("exchange")) or ""
    routing_key = options.get("routing_key") or ""
    queue = options["queue"]
    name = str(getattr(queue, "name", queue))
    if not (exchange and routing_key):
        exchange, routing_key = "", name
    elif name == conf.task_default_queue:
        name = routing_key
    if conf.task_queues is not None and not conf.task_create_missing_queues and name not in declared(conf.task_queues):
        raise QueueNotFound(f"There is no queue {name!r} in task_queues, and task_create_missing_queues is off.")
    return name, exchange, routing_key


def _serializer(conf: Conf, options: Mapping[str, Any]) -> str:
    if options.get("compression"):
        raise ImproperlyConfigured("umbel's stores do not take compressed bodies; leave the option `compression` out.")
    return codec(options.get("serializer") or conf.task_serializer).name


def _limits(options: Mapping[str, Any]) -> tuple[float | None, float | None]:
    hard, soft = options.get("time_limit"), options.get("soft_time_limit")
    if hard is not None and soft is not None and soft > hard:
        raise ValueError("soft_time_limit must be less than or equal to time_limit")
    return hard, soft


def _zone(conf: Conf) -> tzinfo | None:
    """The app's time zone; None is the machine's."""
    zone = conf.timezone
    if zone is None:
        return UTC if conf.enable_utc else None
    return ZoneInfo(zone) if isinstance(zone, str) else zone


def aware(conf: Conf, moment: datetime | str) -> datetime:
    """A moment with its zone: a naive one is in the app's zone, text is ISO 8601."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is not None:
        return moment
    zone = _zone(conf)
    return moment.astimezone() if zone is None else moment.replace(tzinfo=zone)


def now(conf: Conf) -> datetime:
    """This moment as messages write it: in UTC, or with `enable_utc` off in the app's zone."""
    moment = clock.utcnow()
    return moment if conf.enable_utc else moment.astimezone(_zone(conf))


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
