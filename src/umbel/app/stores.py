"""The opened stores of one app in one process: nothing is opened before it is needed, or carried over a fork.

A thread has its own publisher, backend and watch, closed when the thread ends. In a forked child everything that the
parent had opened is left alone, not closed: closing it would release locks and talk on connections that are the
parent's. The child opens its own.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Container
from typing import Any, Final

from ..backend import Backend, Watch, sends_results
from ..broker import Broker, Owners, Publisher
from ..claims import Claiming, Claims
from ..client import Client
from ..coordinator import Coordinated, Coordinator, Overrides
from ..exceptions import ImproperlyConfigured
from ..loading import extensions, open_backend, open_broker
from ..record import Record
from ..result.joining import task_join_will_block
from ..result.waiting import is_ready
from ..urls import scheme
from .byclass import SCHEME
from .relay import Relay

_KEEPS_SCHEDULES: Final = (
    "sqlite", "redis", "rediss", "redis+socket", "socket", "sentinel", "redis+cluster", "rediss+cluster",
)  # fmt: skip
"""Schemes of result stores that are brokers, too, and can keep a schedule."""

_ONLY_TIDIED: Final = ("sqlite", "memory")
"""Schemes of stores with results that nobody removes but their users."""

_left_alone: list[Any] = []
"""What a parent had opened, kept in its children so that nothing finalizes it."""


class _Parts:
    """What one thread has opened."""

    def __init__(self) -> None:
        self.publisher: Publisher | None = None
        self.listen: Callable[[], None] | None = None
        self.backend: Backend | None = None
        self.watch: Watch | None = None

    def close(self) -> None:
        for part in (self.watch, self.backend, self.publisher):
            if part is not None:
                part.close()
        self.publisher = self.backend = self.watch = self.listen = None

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # noqa: S110 - the thread is gone, and with it everybody who could be told
            pass


class _Thread(threading.local):
    parts: _Parts | None = None


class Stores:
    """Opens the stores of one app.

    Args:
        broker_url: gives the URL of the broker.
        write_url: gives its URL for sending, mostly the same.
        result_url: gives the URL of the results, None when none are kept.
        options: gives the options of broker and backend.
        open_class: opens results that are kept by a class (`byclass`).
    """

    def __init__(
        self,
        broker_url: Callable[[], str],
        write_url: Callable[[], str],
        result_url: Callable[[], str | None],
        options: Callable[[], tuple[dict[str, Any], dict[str, Any]]],
        open_class: Callable[[str], Backend],
    ) -> None:
        self._broker_url = broker_url
        self._write_url = write_url
        self._result_url = result_url
        self._options = options
        self._open_class = open_class
        self._held: list[_Parts] = []
        self._lock = threading.RLock()
        self._start()
        _all.add(self)

    def _start(self) -> None:
        self._broker: Broker | None = None
        self._outbox: Broker | None = None
        self._client: Client | None = None
        self._thread = _Thread()
        self._parts: weakref.WeakSet[_Parts] = weakref.WeakSet()

    @property
    def broker(self) -> Broker:
        """The broker of this process."""
        if self._broker is None:
            with self._lock:
                if self._broker is None:
                    self._broker = open_broker(self._broker_url(), self._options()[0])
        return self._broker

    def _sending(self) -> Broker:
        """The broker by its URL for sending, opened apart where that is another one."""
        url = self._write_url()
        if url == self._broker_url():
            return self.broker
        with self._lock:
            if self._outbox is None:
                self._outbox = open_broker(url, self._options()[0])
            return self._outbox

    def nine_is_urgent(self) -> bool:
        """Whether 9 is the most urgent priority of the broker that messages go to; on Redis it is 0."""
        told_apart = self._sending().abilities.priorities
        return told_apart[0] > told_apart[-1]

    def _mine(self) -> _Parts:
        parts = self._thread.parts
        if parts is None:
            parts = self._thread.parts = _Parts()
            with self._lock:
                self._parts.add(parts)
        return parts

    def publisher(self) -> Publisher:
        """This thread's way into the broker; where results are sent to whoever called, this process listens.

        A task that may not wait for another one does not listen to it either, as in Celery.
        """
        parts = self._thread.parts or self._mine()
        if parts.publisher is None:
            if sends_results(self._result_url()):
                backend: Any = self.backend()  # a `backend.Listening` too
                parts.listen = backend.listen
            parts.publisher = self._sending().publisher()
        if parts.listen is not None and not task_join_will_block():
            parts.listen()
        return parts.publisher

    def coordinator(self, scope: str, shown: str) -> Coordinator:
        """What the schedulers of a scope agree by, in the broker's store, else in that of the results.

        Whoever asks closes it.
        """
        broker = self._sending()
        if isinstance(broker, Coordinated):
            return broker.coordinator(scope)
        return Relay(self._keeper(shown).coordinator(scope), self.publisher)

    def overrides(self, scope: str, shown: str) -> Overrides:
        """What was changed of a schedule at run time, in the store that keeps it. Whoever asks closes it."""
        broker = self._sending()
        keeps = broker if isinstance(broker, Coordinated) else self._keeper(shown)
        return keeps.overrides(scope)

    def _keeper(self, shown: str) -> Coordinated:
        """The store of the results, where the broker's keeps no schedules."""
        beside = self._beside(_KEEPS_SCHEDULES)
        if isinstance(beside, Coordinated):
            return beside
        raise ImproperlyConfigured(
            f"{shown} cannot keep a schedule, so nothing would keep two schedulers from sending everything twice: set "
            "result_backend to Redis or SQLite, which keep it beside the results, or start one umbel beat -S "
            "celery.beat:PersistentScheduler."
        )

    def claims(self) -> Claims | None:
        """What keeps claims beside the results, None where nothing does. Whoever asks closes it."""
        beside = self._beside(extensions("umbel.brokers"))
        return beside.claims() if isinstance(beside, Claiming) else None

    def result_owners(self) -> Owners | None:
        """What removes expired results where no server does it; None elsewhere. Whoever asks closes it."""
        broker: Any = self._beside(_ONLY_TIDIED)
        return None if broker is None else broker.owners()

    def _beside(self, schemes: Container[str]) -> object:
        """The store of the results as a broker, when it is of one of these kinds."""
        url = self._result_url()
        return None if url is None or scheme(url) not in schemes else open_broker(url, self._options()[1])

    def backend(self) -> Backend | None:
        """This thread's connection to the results."""
        parts = self._thread.parts or self._mine()
        if parts.backend is None:
            url = self._result_url()
            if url is None:
                return None
            by_class = url.startswith(SCHEME)
            parts.backend = self._open_class(url) if by_class else open_backend(url, self._options()[1])
        return parts.backend

    def watch(self) -> Watch:
        """This thread's subscription to results."""
        parts = self._thread.parts or self._mine()
        if parts.watch is None:
            backend = self.backend()
            assert backend is not None
            parts.watch = backend.watch()
        return parts.watch

    def fetch(self, ids: list[str]) -> dict[str, Record]:
        """The newest state of each id."""
        backend = self.backend()
        assert backend is not None
        return backend.fetch(ids)

    def client(self) -> Client:
        """The client thread of this process."""
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = Client(self, is_ready, self._options()[1].get("retry_policy"))
        return self._client

    def close(self) -> None:
        """Close what this process has opened; it is opened again when it is needed."""
        with self._lock:
            client, parts = self._client, list(self._parts)
            self._start()
        if client is not None:
            client.close()
        for part in parts:
            part.close()

    # Around a fork: between `hold` and `release` nothing is finalized; the child keeps it for ever.

    def hold(self) -> None:
        self._lock.acquire()
        self._held = list(self._parts)

    def release(self) -> None:
        self._held = []
        self._lock.release()

    def leave(self) -> None:
        _left_alone.extend((self._held, self._broker, self._outbox, self._thread))
        if self._client is not None:
            self._client.abandon()
            _left_alone.append(self._client)
        self._held = []
        self._lock = threading.RLock()
        self._start()


_all: weakref.WeakSet[Stores] = weakref.WeakSet()
_held_stores: list[Stores] = []


def _before() -> None:
    _held_stores[:] = list(_all)
    for stores in _held_stores:
        stores.hold()


def _in_parent() -> None:
    for stores in reversed(_held_stores):
        stores.release()
    _held_stores.clear()


def _in_child() -> None:
    for stores in _held_stores:
        stores.leave()
    _held_stores.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
