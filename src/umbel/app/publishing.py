"""Handing messages to the broker: signals, the deadline, and trying again within it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from .. import clock, signals
from ..backoff import AWAY, stepped
from ..broker import Publisher
from ..message import Parcel
from ..serialization import decompress, loads
from ..template import NO_EMBED, Template

_pause = threading.Event()
_ANY_SIZE: Final = 2**62
"""Bytes to which a body may grow that this process has just written itself."""
_decode = msgspec.json.Decoder().decode


def publish(
    publisher: Callable[[], Publisher], parcels: Sequence[Parcel], *, deadline: float, limits: dict[str, int] | None,
    retry_policy: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    """Publish, or raise within ``deadline`` seconds.

    Args:
        publisher: gives this thread's publisher.
        parcels: all are taken, or none.
        deadline: seconds in all.
        limits: queue name -> most waiting messages.
        retry_policy: max_retries, interval_start, interval_step, interval_max; None: one attempt.
    """
    until = clock.monotonic() + deadline
    failures = 0
    while True:
        try:
            publisher().publish(parcels, deadline=max(0.001, until - clock.monotonic()), limits=limits)
            return
        except AWAY as error:
            failures += 1
            wait = None if retry_policy is None else stepped(retry_policy, failures)
            if wait is None or clock.monotonic() + wait >= until:
                raise error from error.__cause__
            _pause.wait(wait)


def announce(template: Template, parcel: Parcel, args: Any, kwargs: Any) -> Parcel:
    """Send `before_task_publish`; receivers may change headers and properties, and the message has what they leave.

    Tracers put their context into the headers here, on the thread that sends.
    """
    head = _decode(parcel.head)
    headers, properties = head["headers"], head["properties"]
    before = (dict(headers), dict(properties))
    info = properties.get("delivery_info") or {}
    signals.before_task_publish.send(
        sender=template.task, body=(args, kwargs, template.embed or NO_EMBED), exchange=info.get("exchange", ""),
        routing_key=info.get("routing_key", parcel.queue), declare=[], headers=headers, properties=properties,
        retry_policy=template.retry_policy,
    )  # fmt: skip
    if (headers, properties) == before:
        return parcel
    return msgspec.structs.replace(parcel, head=msgspec.json.encode(head))


def report(parcels: Sequence[Parcel]) -> None:
    """Send `after_task_publish`, and Celery's older `task_sent` to those who still listen to it, for messages that the
    broker has taken; once for one that went into several queues.
    """
    for parcel in {parcel.id: parcel for parcel in reversed(parcels)}.values():
        head = _decode(parcel.head)
        info = head["properties"].get("delivery_info") or {}
        signals.after_task_publish.send(
            sender=parcel.name, headers=head["headers"], body=parcel.body, exchange=info.get("exchange", ""),
            routing_key=info.get("routing_key", parcel.queue),
        )  # fmt: skip
        if signals.task_sent.receivers:
            _report_sent(parcel, head)


def _report_sent(parcel: Parcel, head: dict[str, Any]) -> None:
    headers = head["headers"]
    data = decompress(parcel.body, headers["compression"], _ANY_SIZE) if headers.get("compression") else parcel.body
    args, kwargs, _ = loads(data, head["content-type"], head["content-encoding"], frozenset({head["content-type"]}))
    signals.task_sent.send(
        sender=parcel.name, task_id=parcel.id, task=parcel.name, args=args, kwargs=kwargs, eta=headers.get("eta"),
        taskset=headers.get("group"),
    )  # fmt: skip
