"""The small loop under one connection: files, timers and calls from other threads, one step at a time.

pika's connections run on any loop with the methods below. Its own runs until it is stopped; this one does one step and
comes back, so that whoever makes a call drives the connection himself, with his own deadline and his own descriptor to
be woken by, and no other thread has to hand him the answer. It needs no kernel object besides a pipe, so a forked child
can let go of it without disturbing the parent (an epoll set would be shared).
"""

from __future__ import annotations

import heapq
import itertools
import math
import os
import select
from collections import deque
from collections.abc import Callable
from time import monotonic  # timers are for the server, which lives in real time whoever moves umbel's clocks
from typing import Any, Final

from pika.adapters.utils.selector_ioloop_adapter import AbstractSelectorIOLoop

_MOST: Final = 60.0  # seconds of one poll
_READABLE: Final = select.POLLIN | select.POLLHUP | select.POLLERR


class _Timer:
    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], Any] | None) -> None:
        self.due = due
        self.call = call


class Loop(AbstractSelectorIOLoop):
    """See the module. All methods but `add_callback` belong to the thread that drives it."""

    READ = select.POLLIN  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    WRITE = select.POLLOUT  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    ERROR = select.POLLERR  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __init__(self) -> None:
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[int, int], None]] = {}
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = itertools.count()
        self._calls: deque[Callable[[], Any]] = deque()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        self._poll.register(self._woken, select.POLLIN)
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a connection still has a file here."""
        return bool(self._handlers)

    def step(self, timeout: float, wake: int = -1) -> bool:
        """Do what can be done, after waiting for at most ``timeout`` seconds.

        Args:
            timeout: seconds.
            wake: a descriptor that ends the wait as soon as it is readable.

        Returns:
            whether ``wake`` was readable.
        """
        if wake >= 0:
            self._poll.register(wake, select.POLLIN)
        try:
            events = self._poll.poll(math.ceil(self._patience(timeout) * 1000))
        finally:
            if wake >= 0:
                self._poll.unregister(wake)
        woken = False
        for descriptor, event in events:
            if descriptor == wake:
                woken = True
            elif descriptor == self._woken:
                self._drain()
            elif (handler := self._handlers.get(descriptor)) is not None:
                # a hang-up counts as readable: reading it tells why
                handler(descriptor, event | select.POLLIN if event & _READABLE else event)
        self._due()
        return woken

    def leave(self) -> None:
        """In a forked child: give the files up without a word to the other side, whose connection is the parent's."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        try:
            for descriptor in self._handlers:
                os.dup2(nowhere, descriptor)  # its owner may close it whenever he likes
        finally:
            os.close(nowhere)
        self.close()

    # What pika calls

    def close(self) -> None:
        """Give back the pipe; safe to repeat."""
        if not self._closed:
            self._closed = True
            os.close(self._woken)
            os.close(self._wake)

    def start(self) -> None:
        """Drive it until no connection is left."""
        while self._handlers:
            self.step(_MOST)

    def stop(self) -> None:
        """Whoever drives it stops by himself."""

    def call_later(self, delay: float, callback: Callable[..., Any]) -> object:
        timer = _Timer(monotonic() + delay, callback)
        heapq.heappush(self._timers, (timer.due, next(self._numbers), timer))
        return timer

    def remove_timeout(self, timeout_handle: Any) -> None:
        timeout_handle.call = None

    def add_callback(self, callback: Callable[..., Any]) -> None:
        """Call it in the next step; any thread may ask."""
        self._calls.append(callback)
        try:
            os.write(self._wake, b"w")
        except OSError:  # it is full, or closed: nobody sleeps any more
            pass

    def add_handler(self, fd: int, handler: Callable[[int, int], None], events: int) -> None:
        self._handlers[fd] = handler
        self._poll.register(fd, events)

    def update_handler(self, fd: int, events: int) -> None:
        self._poll.modify(fd, events)

    def remove_handler(self, fd: int) -> None:
        del self._handlers[fd]
        self._poll.unregister(fd)

    # Inside

    def _patience(self, timeout: float) -> float:
        if self._calls:
            return 0.0
        patience = min(max(timeout, 0.0), _MOST)
        if self._timers:
            patience = min(patience, max(self._timers[0][0] - monotonic(), 0.0))
        return patience

    def _drain(self) -> None:
        try:
            os.read(self._woken, 4096)
        except BlockingIOError:
            pass

    def _due(self) -> None:
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        now = monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.call is not None:
                timer.call()
