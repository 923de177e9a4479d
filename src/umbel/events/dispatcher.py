"""The dispatcher: what sends events by hand, with Celery's members."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, ClassVar, Self

from ..event import MULTI, group_from, made, routing_key
from ..event import utcoffset as _utcoffset
from ..identity import origin
from .source import Source, current_events


def Event(  # noqa: N802 - Celery's name
    type: str, _fields: dict[str, Any] | None = None, __dict__: Any = dict, __now__: Any = time.time, **fields: Any
) -> dict[str, Any]:  # fmt: skip
    """An event: a dictionary with its type and its moment.

    Example:
        >>> Event("task-done", uuid="a", timestamp=1.0)
        {'uuid': 'a', 'timestamp': 1.0, 'type': 'task-done'}
    """
    event: dict[str, Any] = __dict__(_fields or {}, **fields)
    event.setdefault("timestamp", __now__())
    event["type"] = type
    return event


class EventDispatcher:
    """Sends events of your own; it never waits for the broker, and never raises because of it.

    Args:
        connection, channel: accepted, Celery's; the app's own connection is used.
        hostname: who says it; ``gen<pid>@<host>`` unless given.
        enabled: False drops all events until `enable`.
        buffer_while_offline: accepted; events wait in a bounded queue while the broker is away.
        app: the application.
        serializer: accepted; the setting `event_serializer` decides.
        groups: groups of events that are sent; empty for all.
        buffer_group: groups whose events are kept until `flush`, or until there are ``buffer_limit``.
        buffer_limit: see there.
        on_send_buffered: called before kept events are sent.

    Example:
        >>> with app.events.Dispatcher(hostname="me@here") as dispatcher:   # doctest: +SKIP
        ...     dispatcher.send("custom-arrived", parcel=7)
    """

    DISABLED_TRANSPORTS: ClassVar[set[str]] = set()
    app: Any = None
    on_enabled: Any = None
    on_disabled: Any = None

    def __init__(
        self, connection: Any = None, hostname: str | None = None, enabled: bool = True, channel: Any = None,
        buffer_while_offline: bool = True, app: Source | None = None, serializer: str | None = None,
        groups: Iterable[str] | None = None, delivery_mode: int = 1, buffer_group: Iterable[str] | None = None,
        buffer_limit: int = 24, on_send_buffered: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        if app is None:
            app = current_events()
        self.app = app
        self.hostname = hostname or origin()
        self.groups = set(groups or ())
        self.buffer_group = frozenset(buffer_group or ())
        self.buffer_limit = buffer_limit
        self.on_send_buffered = on_send_buffered
        self.clock = app.events.clock
        self.pid = os.getpid()
        self.mutex = threading.Lock()
        self.on_enabled, self.on_disabled = set[Callable[[], None]](), set[Callable[[], None]]()
        self._kept: deque[dict[str, Any]] = deque(maxlen=10_000)
        self.enabled = False
        if enabled:
            self.enable()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def enable(self) -> None:
        """Send from now on."""
        self.enabled = True
        for called in self.on_enabled:
            called()

    def disable(self) -> None:
        """Drop all events from now on."""
        if self.enabled:
            self.enabled = False
            self.close()
            for called in self.on_disabled:
                called()

    def send(
        self, type: str, blind: bool = False, utcoffset: Callable[[], float] = _utcoffset, retry: bool = False,
        retry_policy: Any = None, Event: Any = Event, **fields: Any,  # noqa: N803 - Celery's name
    ) -> None:  # fmt: skip
        """Send one event.

        Args:
            type: its type, the group before the first dash.
            blind: do not move the logical clock.
            fields: what it says.
        """
        group = group_from(type)
        if not self.enabled or (self.groups and group not in self.groups):
            return
        event = self._made(type, fields, blind=blind)
        if group not in self.buffer_group:
            self._post(event)
            return
        with self.mutex:
            self._kept.append(event)
        if len(self._kept) >= self.buffer_limit:
            self.flush()

    def publish(
        self, type: str, fields: dict[str, Any], producer: Any, blind: bool = False, Event: Any = Event,  # noqa: N803
        **kwargs: Any,
    ) -> None:  # fmt: skip
        """Send one event, whatever the groups are; `producer` is accepted, Celery's."""
        self._post(self._made(type, fields, blind=blind))

    def flush(self, errors: bool = True, groups: bool = True) -> None:
        """Send what is kept."""
        with self.mutex:
            kept = list(self._kept)
            self._kept.clear()
        if kept and self.on_send_buffered:
            self.on_send_buffered()
        for event in kept:
            self.app.events.herald.post(MULTI, self.hostname, event)

    def extend_buffer(self, other: EventDispatcher) -> None:
        """Take over what another dispatcher keeps."""
        self._kept.extend(other._kept)

    def close(self) -> None:
        """Send what is kept; safe to repeat."""
        self.flush()

    def _made(self, kind: str, fields: dict[str, Any], *, blind: bool) -> dict[str, Any]:
        event = made(kind, self.hostname, self.pid, self.clock, fields)
        if blind:
            del event["clock"]
        return event

    def _post(self, event: dict[str, Any]) -> None:
        self.app.events.herald.post(routing_key(event["type"]), self.hostname, event)
