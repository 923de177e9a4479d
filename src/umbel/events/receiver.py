"""The receiver: hears the events of a cluster, with Celery's members.

    receiver = app.events.Receiver(handlers={"task-failed": on_failed, "*": on_anything})
    receiver.capture(limit=None, timeout=None, wakeup=True)

A lost connection is made anew for as long as it takes; what was told meanwhile is missed.
"""

from __future__ import annotations

import itertools
import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from time import time
from typing import Any, Final

import msgspec

from .. import clock, ids
from ..event import adjusted
from ..exceptions import OperationalError, TimeoutError, UmbelError
from ..monitor import Monitor, News
from ..serialization import acceptable, loads
from .source import Source, current_events

logger = logging.getLogger("umbel.events")

CLIENT_CLOCK_SKEW: Final = -1
OFFERED: Final = 5.0
"""Seconds for which workers are asked to say that they live."""

_TZFIELDS: Final = itemgetter("utcoffset", "timestamp")
_pause = threading.Event()


class EventReceiver:
    """Receives events and gives each to the handler of its type.

    Args:
        channel: accepted, Celery's: a connection or channel; the app's own connection is used.
        handlers: type -> function of an event; ``"*"`` for the types that have none of their own.
        routing_key: pattern of routing keys, for instance ``"worker.#"``.
        node_id: name of this receiver.
        app: the application.
        queue_prefix, queue_ttl, queue_expires, queue_exclusive, queue_durable: accepted; the settings decide.
        accept: content types that are read; those of `event_serializer` and JSON unless given.
    """

    app: Any = None

    def __init__(
        self, channel: Any = None, handlers: Mapping[str, Callable[[dict[str, Any]], Any]] | None = None,
        routing_key: str = "#", node_id: str | None = None, app: Source | None = None, queue_prefix: str | None = None,
        accept: Iterable[str] | None = None, queue_ttl: float | None = None, queue_expires: float | None = None,
        queue_exclusive: bool | None = None, queue_durable: bool | None = None,
    ) -> None:  # fmt: skip
        self.app = app if app is not None else current_events()
        self.channel = channel
        self.handlers = dict(handlers or {})
        self.routing_key = routing_key
        self.node_id = node_id or ids.new_id()
        self.clock = self.app.events.clock
        self.adjust_clock, self.forward_clock = self.clock.adjust, self.clock.forward
        self.accept = set(accept) if accept is not None else {self.app.conf.event_serializer, "json"}
        self.should_stop = False
        self._accepted = acceptable(tuple(self.accept))

    @property
    def connection(self) -> Any:
        """What was given as ``channel``: the connection of a channel, or the connection itself."""
        return getattr(self.channel, "connection", None) or self.channel

    def process(self, type: str, event: dict[str, Any]) -> None:
        """Give an event to its handler."""
        handler = self.handlers.get(type) or self.handlers.get("*")
        if handler is not None:
            handler(event)

    def capture(self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True) -> None:
        """Receive until `should_stop` is set; blocks.

        Args:
            limit: messages after which it returns, None for any number.
            timeout: seconds without a message after which it gives up, None for never.
            wakeup: ask all workers to say that they live first.

        Raises:
            TimeoutError: nothing came for ``timeout`` seconds.
        """
        for _ in self.consume(limit, timeout, wakeup=wakeup):
            pass

    def itercapture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> Iterator[None]:  # fmt: skip
        """The same as an iterator, which yields for each message."""
        return self.consume(limit, timeout, wakeup=wakeup)

    def consume(
        self, limit: int | None = None, timeout: float | None = None, safety_interval: float = 1, **kwargs: Any
    ) -> Iterator[None]:
        """The loop behind `capture`; the first step listens before it asks anybody.

        Args:
            safety_interval: seconds between two tries while the broker is away, and between two looks at
                `should_stop`.
        """
        monitor: Monitor = self.app.events.monitor()
        try:
            self._open(monitor, safety_interval)
            if kwargs.get("wakeup", True):
                self.wakeup_workers()
            for news in itertools.islice(self._stream(monitor, timeout, safety_interval), limit):
                self._heard(news)
                yield
        finally:
            monitor.close()

    def wakeup_workers(self, channel: Any = None) -> None:
        """Ask all workers to say that they live."""
        request: dict[str, Any] = {
            "method": "heartbeat",
            "arguments": {},
            "destination": None,
            "pattern": None,
            "matcher": None,
        }
        control = self.app.broker.control()
        try:
            control.broadcast(msgspec.json.encode(request), clock.wall() + OFFERED)
        except UmbelError as error:
            logger.warning("Workers cannot be asked for a sign of life: %s", error)
        finally:
            control.close()

    def event_from_message(
        self, body: dict[str, Any], localize: bool = True, now: Callable[[], float] = time,
        tzfields: Callable[[dict[str, Any]], tuple[float, float]] = _TZFIELDS,
        adjust_timestamp: Callable[[float, float], float] = adjusted, CLIENT_CLOCK_SKEW: int = CLIENT_CLOCK_SKEW,  # noqa: N803
    ) -> tuple[str, dict[str, Any]]:  # fmt: skip
        """An event as handlers get it: in this machine's time, with the moment of its arrival.

        A producer's logical clock knows of nobody else's, so its events get this process's, a step back.
        """
        kind: str = body["type"]
        if kind == "task-sent":
            body["clock"] = value = (self.clock.value or 1) + CLIENT_CLOCK_SKEW
            self.adjust_clock(value)
        elif "clock" in body:
            self.adjust_clock(body["clock"])
        else:
            body["clock"] = self.forward_clock()
        if localize:
            try:
                offset, timestamp = tzfields(body)
                body["timestamp"] = adjust_timestamp(timestamp, offset)
            except KeyError:
                pass
        body["local_received"] = now()
        return kind, body

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        """Called for each failed try to reach the broker."""
        logger.warning("No events can be received, trying again in %g s: %s", interval, exc)

    def on_connection_revived(self) -> None:
        """Called when the broker can be reached again."""

    def on_iteration(self) -> None:
        """Called about once a second while nothing comes."""

    def _receive(self, body: Any, message: Any, list: Any = list, isinstance: Any = isinstance) -> None:
        """One message: an event, or a list of them."""
        for one in body if isinstance(body, list) else [body]:
            self.process(*self.event_from_message(one))

    def _heard(self, news: News) -> None:
        try:
            body = loads(news.body, news.content_type, news.content_encoding, self._accepted)
            events = body if isinstance(body, list) else [body]
            readable = [one for one in events if isinstance(one, dict) and isinstance(one.get("type"), str)]
        except UmbelError as error:
            logger.warning("A message of events cannot be read: %s", error)
            return
        self._receive(readable, news)

    def _open(self, monitor: Monitor, interval: float) -> None:
        lost = False
        while not self.should_stop:
            try:
                monitor.listen(self.routing_key)
            except OperationalError as error:
                lost = True
                self.on_connection_error(error, interval)
                _pause.wait(interval)
            else:
                if lost:
                    self.on_connection_revived()
                return

    def _stream(self, monitor: Monitor, timeout: float | None, interval: float) -> Iterator[News]:
        """Message after message, until `should_stop` is set."""
        patience = math.inf if timeout is None else timeout
        until = clock.monotonic() + patience
        while not self.should_stop:
            try:
                news = monitor.hear(max(0.0, min(interval, until - clock.monotonic())))
            except OperationalError as error:
                self.on_connection_error(error, interval)
                _pause.wait(interval)
                self._open(monitor, interval)
                continue
            yield from news
            if news:
                until = clock.monotonic() + patience
                continue
            self.on_iteration()
            if clock.monotonic() >= until:
                raise TimeoutError("No event came in time.")
