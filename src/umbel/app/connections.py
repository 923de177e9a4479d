"""``app.connection()`` and ``app.loader``, as far as programs beside the tasks use them: monitors, tracers, probes.

A connection here says which broker it is, which errors that one raises, whether it answers, and how much waits there
(`channels`); no message goes through it. Whoever sends or receives does so by the app, which opens and mends
connections itself.
"""

from __future__ import annotations

import itertools
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol, Self

from .. import clock
from ..broker import Broker
from ..exceptions import OperationalError
from ..loading import open_broker, symbol
from ..urls import mask_url, scheme
from .channels import AMQP, Channel, ConnectionPool

_pause: Final = threading.Event()

_SPOKEN: Final = {
    "pyamqp": "amqp", "amqps": "amqp", "rediss": "redis", "redis+socket": "redis", "sentinel": "redis",
    "redis+cluster": "redis", "rediss+cluster": "redis",
}  # fmt: skip
"""Scheme -> the technology that it belongs to, where it has another name."""


class Transport(NamedTuple):
    """What a connection goes by.

    Attributes:
        driver_type: name of the technology, for instance "redis" or "amqp".
        driver_name: the same.
    """

    driver_type: str
    driver_name: str


class Connection:
    """A broker by its URL.

    Args:
        url: of the broker.
        opened: gives the broker itself, when it is asked something.

    Attributes:
        connected: whether it answered when it was asked last.
        recoverable_connection_errors, connection_errors, recoverable_channel_errors, channel_errors: what is raised
            while the broker is away.
    """

    recoverable_connection_errors: tuple[type[BaseException], ...] = (OperationalError, OSError)
    connection_errors = recoverable_connection_errors
    recoverable_channel_errors: tuple[type[BaseException], ...] = ()
    channel_errors = recoverable_channel_errors

    def __init__(self, url: str, opened: Callable[[], Broker]) -> None:
        self._url = url
        self._opened = opened
        self.connected = False

    def connect(self) -> Self:
        """Ask whether it answers.

        Raises:
            OperationalError: it does not.
        """
        self.connected = False
        with closing(self._opened().shelf()) as shelf:
            shelf.counts()
        self.connected = True
        return self

    def ensure_connection(
        self, errback: Callable[[Exception, float], Any] | None = None, max_retries: int | None = None,
        interval_start: float = 2, interval_step: float = 2, interval_max: float = 30,
        callback: Callable[[], Any] | None = None, reraise_as_library_errors: bool = True, timeout: float | None = None,
    ) -> Self:  # fmt: skip
        """Ask until it answers.

        Args:
            errback: called with the error and the seconds until it is asked again.
            max_retries: how often it is asked again, None for ever.
            interval_start, interval_step, interval_max: seconds before it is asked again: the first time, how much more
                each time, and at most.
            callback: called before each pause.
            reraise_as_library_errors: accepted, kombu's.
            timeout: seconds after which it is not asked again, None for never.

        Raises:
            OperationalError: it did not answer.
        """
        until = None if timeout is None else clock.monotonic() + timeout
        for tries in itertools.count():
            try:
                return self.connect()
            except OperationalError as error:
                pause = min(interval_start + interval_step * tries, interval_max)
                late = until is not None and clock.monotonic() + pause > until
                if late or (max_retries is not None and tries >= max_retries):
                    raise
                if errback is not None:
                    errback(error, pause)
                if callback is not None:
                    callback()
                _pause.wait(pause)
        raise AssertionError("the loop has no end")

    def channel(self) -> Channel:
        """What asks about queues."""
        return Channel(self, self._opened)

    @property
    def default_channel(self) -> Channel:
        """The same."""
        return self.channel()

    @property
    def transport(self) -> Transport:
        """The technology."""
        name = _SPOKEN.get(scheme(self._url), scheme(self._url))
        return Transport(name, name)

    def as_uri(self, include_password: bool = False) -> str:
        """The URL, by default without its secrets; ``pyamqp`` is spelled ``amqp``, as Celery does."""
        shown = self._url if include_password else mask_url(self._url)
        return f"amqp{shown.removeprefix('pyamqp')}" if shown.startswith("pyamqp:") else shown

    def release(self) -> None:
        """Nothing is held."""

    close = release

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<Connection: {self.as_uri()}>"


class Loading(Protocol):
    """What `Loader` asks of an app."""

    @property
    def conf(self) -> Any: ...

    def import_modules(self) -> None: ...


class Loader:
    """Imports what an app is made of.

    Args:
        app: the application.
    """

    def __init__(self, app: Loading) -> None:
        self.app = app

    def import_default_modules(self) -> list[Any]:
        """Import what `include`, `imports` and `autodiscover_tasks` name; returns the modules of the first two."""
        self.app.import_modules()
        return [symbol(module) for module in (*self.app.conf.include, *self.app.conf.imports)]

    def import_module(self, module: str, package: str | None = None) -> ModuleType:
        """Import one module.

        Args:
            module: its full name.
            package: accepted, Celery's; names are full.
        """
        found: ModuleType = symbol(module)
        return found


class Connecting:
    """The part of `Umbel` that has them."""

    @property
    @abstractmethod
    def broker_url(self) -> str: ...

    @property
    @abstractmethod
    def write_url(self) -> str: ...

    @property
    def loader(self) -> Loader:
        """Imports what the app is made of."""
        app: Any = self
        return Loader(app)

    def connection_for_read(self, url: str | None = None, **kwargs: Any) -> Connection:
        """The broker as workers consume from it; see `Connection`.

        Args:
            url: of another one.
            kwargs: accepted, Celery's.
        """
        return self._reaching(url or self.broker_url)

    def _reaching(self, url: str) -> Connection:
        app: Any = self

        def opened() -> Broker:
            own: Broker = app.broker
            return own if url == app.broker_url else open_broker(url, app._store_options()[0])  # noqa: SLF001

        return Connection(url, opened)

    @property
    def amqp(self) -> AMQP:
        """The queues that are declared, see `AMQP`."""
        return AMQP(self)

    @property
    def pool(self) -> ConnectionPool:
        """Gives connections, see `ConnectionPool`."""
        return ConnectionPool(self)

    @contextmanager
    def connection_or_acquire(
        self, connection: Connection | None = None, pool: bool = True, *_: Any, **__: Any
    ) -> Iterator[Connection]:
        """A connection for a block, that which is given or a new one.

        Example:
            >>> with app.connection_or_acquire() as connection:   # doctest: +SKIP
            ...     connection.default_channel.queue_declare(queue="mail", passive=True).message_count
            12
        """
        yield self.connection_for_write() if connection is None else connection

    default_connection = connection_or_acquire

    def connection_for_write(self, url: str | None = None, **kwargs: Any) -> Connection:
        """The broker as messages are sent to it; see `connection_for_read`."""
        return self._reaching(url or self.write_url)

    def connection(
        self, url: str | None = None, userid: str | None = None, password: str | None = None,
        virtual_host: str | None = None, port: int | None = None, ssl: Any = None,
        connect_timeout: float | None = None, transport: str | None = None,
        transport_options: Any = None, heartbeat: float | None = None, login_method: str | None = None,
        failover_strategy: Any = None, **kwargs: Any,
    ) -> Connection:  # fmt: skip
        """The broker; see `Connection`.

        Args:
            url: of another one.
            userid, password, virtual_host, port, ssl, connect_timeout, transport, transport_options, heartbeat,
                login_method, failover_strategy, kwargs: accepted, Celery's; the settings decide.

        Example:
            >>> with app.connection() as connection:   # doctest: +SKIP
            ...     print(connection.as_uri())
            redis://localhost:6379/0
        """
        return self.connection_for_write(url)
