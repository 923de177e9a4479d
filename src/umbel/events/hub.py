"""``app.events``: the ways of one app to send events, to receive them, and to keep what they say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

from ..event import Lamport
from ..exceptions import ImproperlyConfigured
from ..monitor import Monitor, Monitored
from ..serialization import dumps
from .dispatcher import EventDispatcher
from .herald import Herald
from .receiver import EventReceiver
from .source import Source
from .state import State


class Events:
    """See the module.

    Args:
        app: the application.

    Attributes:
        clock: the logical clock of this process.

    Example:
        >>> app.events.State().event_count   # doctest: +SKIP
        0
    """

    receiver_cls: type[EventReceiver] = EventReceiver
    dispatcher_cls: type[EventDispatcher] = EventDispatcher
    state_cls: type[State] = State

    def __init__(self, app: Source | None = None) -> None:
        self.app: Any = app
        self.clock = Lamport()
        self._herald: Herald | None = None
        self._pid = 0

    @property
    def herald(self) -> Herald:
        """The thread of this process that sends events."""
        if self._herald is None or self._pid != os.getpid():
            self._herald, self._pid = Herald(self.monitor, self._encode), os.getpid()
        return self._herald

    def monitor(self) -> Monitor:
        """A connection to the store for events; whoever opens it closes it.

        Raises:
            ImproperlyConfigured: the store carries none.
        """
        broker = self.app.broker
        if not isinstance(broker, Monitored):
            raise ImproperlyConfigured(f"{self.app.shown_broker_url} carries no events; Redis, RabbitMQ and SQLite do.")
        return broker.monitor()

    @cached_property
    def Receiver(self) -> Callable[..., EventReceiver]:  # noqa: N802 - Celery's name
        """Receives events: ``app.events.Receiver(handlers={"*": function})``."""
        return partial(self.receiver_cls, app=self.app)

    @cached_property
    def Dispatcher(self) -> Callable[..., EventDispatcher]:  # noqa: N802 - Celery's name
        """Sends events of your own."""
        return partial(self.dispatcher_cls, app=self.app)

    @cached_property
    def State(self) -> type[State]:  # noqa: N802 - Celery's name
        """What is known of a cluster from its events."""
        return self.state_cls

    @contextmanager
    def default_dispatcher(
        self, hostname: str | None = None, enabled: bool = True, buffer_while_offline: bool = False
    ) -> Iterator[EventDispatcher]:
        """A dispatcher for a ``with`` block."""
        with self.Dispatcher(None, hostname, enabled, None, buffer_while_offline) as dispatcher:
            yield dispatcher

    def close(self, timeout: float = 1.0) -> None:
        """Send what waits, for at most so many seconds."""
        if self._herald is not None and self._pid == os.getpid():
            self._herald.close(timeout)
            self._herald = None

    def _encode(self, value: Any) -> tuple[str, str, bytes]:
        return dumps(value, self.app.conf.event_serializer)
