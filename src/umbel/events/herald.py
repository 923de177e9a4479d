"""The herald: one thread of a process that sends its events, so that nobody who works ever waits for a monitor.

    whoever says something --queue--> herald --batches--> Monitor.tell

`post` appends to a queue and returns. The queue is bounded: while the broker is away, or too slow, its oldest events
are dropped, and the log says so, once an outage. A herald belongs to the process that made it; a forked child makes its
own.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final

from .. import clock
from ..event import MULTI
from ..monitor import Monitor, News

logger = logging.getLogger("umbel.events")

QUEUE_MOST: Final = 10_000
"""Events that wait while the broker is away."""

BATCH: Final = 500
"""Most events of one message."""

GAP: Final = 0.02
"""Seconds between two calls to the store: what is said meanwhile goes in one."""

PAUSE: Final = 1.0
"""Seconds between two tries while the broker is away."""

QUIET: Final = 60.0
"""Seconds for which the log says nothing more about events that were dropped."""

Encode = Callable[[Any], tuple[str, str, bytes]]


class Herald:
    """Sends events.

    Args:
        opened: opens the store's monitor.
        encode: serializes an event, or a list of them: content type, encoding, bytes.

    Attributes:
        heard: whether somebody may have listened to the last that was sent.
    """

    def __init__(self, opened: Callable[[], Monitor], encode: Encode) -> None:
        self._opened = opened
        self._encode = encode
        self._queue: deque[tuple[str, str, dict[str, Any]]] = deque(maxlen=QUEUE_MOST)
        self._held: list[News] = []
        self._bell = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._away = False
        self._dropped = 0
        self._quiet = 0.0
        self.heard = True

    def post(self, key: str, node: str, event: dict[str, Any]) -> None:
        """Send an event soon; never waits, never raises.

        Args:
            key: routing key; events under `MULTI` are gathered into lists.
            node: who says it.
            event: the event.
        """
        if len(self._queue) == QUEUE_MOST:
            self._dropped += 1
        self._queue.append((key, node, event))
        if not self._bell.is_set():
            self._bell.set()
        if self._thread is None:
            self._start()

    def close(self, timeout: float = 1.0) -> None:
        """Send what waits, for at most ``timeout`` seconds, and stop. Safe to repeat."""
        atexit.unregister(self.close)
        thread = self._thread
        if thread is not None:
            self._closing.set()
            self._bell.set()
            thread.join(timeout)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                thread = threading.Thread(target=self._run, name="umbel-herald", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # too many of them, or the interpreter ends: the next event tries again
                    self._failed(error)
                    return
                self._thread = thread
                atexit.register(self.close)

    def _run(self) -> None:
        monitor: Monitor | None = None
        while True:
            self._bell.wait()
            self._bell.clear()
            last = self._closing.is_set()
            try:
                monitor = monitor or self._opened()
                self._send(monitor)
            except Exception as error:  # whatever it is: nobody who works may hear of it
                self._failed(error)
            if last:
                if monitor is not None:
                    monitor.close()
                return
            self._closing.wait(PAUSE if self._away else GAP)
            if self._closing.is_set() or self._held or self._queue:
                self._bell.set()

    def _send(self, monitor: Monitor) -> None:
        while self._held or self._queue:
            self._held = self._held or list(self._taken())
            self.heard = monitor.tell(self._held)
            self._held = []
            now = clock.monotonic()
            if self._away or (self._dropped and now >= self._quiet):
                self._quiet = now + QUIET
                self._away, dropped, self._dropped = False, self._dropped, 0
                logger.warning("Events are sent; %d were dropped, because more than %d waited", dropped, QUEUE_MOST)

    def _taken(self) -> Iterator[News]:
        """What waits, as messages."""
        taken = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        for (key, node), said in groupby(taken, key=lambda one: one[:2]):
            events = [event for _, _, event in said]
            for value in [events] if key == MULTI else events:
                try:
                    content_type, content_encoding, body = self._encode(value)
                except Exception as error:  # a value of somebody's own event: it may be anything
                    logger.warning("An event under %s cannot be written: %s", key, error)
                    continue
                yield News(key, node, body, content_type, content_encoding)

    def _failed(self, error: Exception) -> None:
        if len(self._queue) == QUEUE_MOST:
            self._held = []  # they are older than those of the queue, which drops its oldest by itself
        if not self._away:
            self._away = True
            logger.warning("Events cannot be sent; up to %d wait, the oldest are dropped: %s", QUEUE_MOST, error)
