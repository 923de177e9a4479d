"""Events: what a worker says of itself and of its tasks, to whoever listens. They are as Celery's, field for field.

An event is a plain dictionary. `made` puts what all of them share around what one type has:

    hostname utcoffset pid clock  <fields of the type>  timestamp type

    type                                          fields                                     said by
    worker-online worker-heartbeat worker-offline freq active processed loadavg sw_ident     supervisor
                                                  sw_ver sw_sys
    task-sent        uuid root_id parent_id name args kwargs retries eta expires queue       producer
                     exchange routing_key
    task-received    uuid name args kwargs root_id parent_id retries eta expires             child
    task-started     uuid                                                                    child
    task-succeeded   uuid result runtime                                                     child, behind the settle
    task-failed      uuid exception traceback                                                child, behind the settle
    task-retried     uuid exception traceback                                                child, behind the settle
    task-revoked     uuid terminated signum expired                                          child, behind the settle
    task-rejected    uuid requeue                                                            child, behind the settle

A worker's events about tasks travel as lists, under the routing key ``task.multi``; all others one by one, under their
type with a dot in the place of the dash.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from . import clock

MULTI: Final = "task.multi"
"""Routing key of a list of events about tasks."""


class Lamport:
    """A logical clock: what was caused by something has a higher value than its cause.

    It begins with the milliseconds of the wall clock, so that the processes of one worker, which have one each, and
    those of a worker that was started anew, stand in the order of time.

    Example:
        >>> ticks = Lamport()
        >>> ticks.forward() < ticks.forward() < ticks.adjust(ticks.value + 10)
        True
    """

    def __init__(self, initial_value: int = 0) -> None:
        self.value = initial_value
        self._lock = threading.Lock()

    def forward(self) -> int:
        """The next value."""
        with self._lock:
            self.value = max(self.value + 1, int(clock.wall() * 1000))
            return self.value

    def adjust(self, other: int) -> int:
        """Go beyond a value that somebody else had; returns the own one."""
        with self._lock:
            self.value = max(self.value, other) + 1
            return self.value


def utcoffset() -> float:
    """Hours that this machine's time is west of UTC."""
    return (time.altzone if time.localtime().tm_isdst else time.timezone) / 3600


def adjusted(timestamp: float, offset: float) -> float:
    """Another machine's timestamp as this one's clock would show it."""
    return timestamp - (offset - utcoffset()) * 3600


def made(kind: str, node: str, pid: int, ticks: Lamport, fields: dict[str, Any]) -> dict[str, Any]:
    """An event of now.

    Args:
        kind: its type.
        node: who says it, ``name@host``.
        pid: of the worker, or the producer.
        ticks: the logical clock.
        fields: those of the type.
    """
    return {
        "hostname": node, "utcoffset": utcoffset(), "pid": pid, "clock": ticks.forward(), **fields,
        "timestamp": clock.wall(), "type": kind,
    }  # fmt: skip


def group_from(type: str) -> str:
    """The group of a type of event.

    Example:
        >>> group_from("task-sent"), group_from("custom-my-event")
        ('task', 'custom')
    """
    return type.split("-", 1)[0]


def routing_key(type: str) -> str:
    """The routing key under which a single event of this type travels.

    Example:
        >>> routing_key("worker-online")
        'worker.online'
    """
    return type.replace("-", ".")
