"""``app.connection()`` and ``app.loader``, as far as programs beside the tasks use them: monitors, tracers, probes.

A connection here says which broker it is and which errors that one raises; nothing goes through it. Whoever sends,
receives or asks does so by the app, which opens and mends connections itself.
"""

from __future__ import annotations

from abc import abstractmethod
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol, Self

from ..exceptions import OperationalError
from ..loading import symbol
from ..urls import mask_url, scheme

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

    Attributes:
        recoverable_connection_errors, connection_errors, recoverable_channel_errors, channel_errors: what is raised
            while the broker is away.
    """

    recoverable_connection_errors: tuple[type[BaseException], ...] = (OperationalError, OSError)
    connection_errors = recoverable_connection_errors
    recoverable_channel_errors: tuple[type[BaseException], ...] = ()
    channel_errors = recoverable_channel_errors

    def __init__(self, url: str) -> None:
        self._url = url

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
        return Connection(url or self.broker_url)

    def connection_for_write(self, url: str | None = None, **kwargs: Any) -> Connection:
        """The broker as messages are sent to it; see `connection_for_read`."""
        return Connection(url or self.write_url)

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
