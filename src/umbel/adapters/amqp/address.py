"""What a URL says about RabbitMQ: which servers, who asks, which virtual host, how long a call may take.

amqp://user:password@host:5672/vhost    each part but the scheme may be left out: guest:guest@localhost:5672, vhost "/"
pyamqp://guest@localhost//              the same; as in Celery the path behind the first slash is the virtual host, so
                                        that // (or %2f, or none) is "/"
amqps://host:5671/?ssl_ca_certs=...     the same over TLS; its options are in `umbel.tls`
amqp://one/v;amqp://two/v               several servers of a cluster: the next is tried when one does not answer
?timeout=5                              seconds that one call may take in all
?heartbeat=4                            seconds without a sign of life after which a side takes the other for dead
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import msgspec

from ...exceptions import ImproperlyConfigured
from ...tls import Tls
from ...urls import mask_url

DEFAULT_TIMEOUT: Final = 5.0
DEFAULT_HEARTBEAT: Final = 4
PORT: Final = 5672
TLS_PORT: Final = 5671

_EXAMPLE: Final = "Write amqp://guest@localhost:5672//, or amqps://... for TLS."
_SECURE: Final = frozenset({"amqps", "pyamqps"})


class Server(msgspec.Struct, frozen=True):
    """One RabbitMQ node. `str()` of it may be shown: it has no password.

    Attributes:
        host: name or address.
        port: TCP port.
        vhost: virtual host.
        user, password: who asks.
        tls: None without TLS.
    """

    host: str = "localhost"
    port: int = PORT
    vhost: str = "/"
    user: str = "guest"
    password: str = "guest"  # noqa: S105 - what every RabbitMQ has for localhost, and kombu's default
    tls: Tls | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        vhost = quote(self.vhost, safe="/")
        return f"amqp{'s' if self.tls else ''}://{quote(self.user)}:**@{host}:{self.port}/{vhost}"

    def __repr__(self) -> str:
        return f"<Server {self}>"


class Address(msgspec.Struct, frozen=True):
    """Where one part of umbel finds RabbitMQ. `str()` of it may be shown: it has no password.

    Attributes:
        servers: at least one; the others are tried when it does not answer.
        timeout: seconds that a call without a deadline of its own may take in all.
        heartbeat: seconds, whole ones; 0 for none.
        external: whether the certificate of our side says who we are (`broker_login_method` EXTERNAL).
    """

    servers: tuple[Server, ...] = (Server(),)
    timeout: float = DEFAULT_TIMEOUT
    heartbeat: int = DEFAULT_HEARTBEAT
    external: bool = False

    @classmethod
    def parse(cls, url: str, options: dict[str, Any]) -> Address:
        """The address that a URL and options name.

        Args:
            url: see the module.
            options: `broker_transport_options`: ``timeout`` in seconds, ``heartbeat`` in seconds, ``login_method``,
                ``ssl`` (True or a dict of TLS options, `broker_use_ssl`); they win over the URL; others are ignored.

        Raises:
            ImproperlyConfigured: the URL or an option cannot work; the sentence says what to write.

        Example:
            >>> str(Address.parse("pyamqp://me:hunter2@rabbit//;amqp://spare/jobs", {}))
            'amqp://me:**@rabbit:5672//;amqp://guest:**@spare:5672/jobs'
        """
        texts = [text.strip() for text in url.split(";") if text.strip()]
        if not texts:
            raise ImproperlyConfigured(f"The URL of RabbitMQ is empty. {_EXAMPLE}")
        query = dict(parse_qsl(urlsplit(texts[0]).query))
        # These two are always among the options, since they are settings; whoever writes them into the URL means them.
        meant: dict[str, Any] = {name: query[name] for name in ("heartbeat", "login_method") if name in query}
        given: dict[str, Any] = {**query, **options, **meant}
        return cls(
            servers=tuple(_server(text, options) for text in texts),
            timeout=_seconds("timeout", given.get("timeout"), DEFAULT_TIMEOUT),
            heartbeat=round(_seconds("heartbeat", given.get("heartbeat"), DEFAULT_HEARTBEAT, least=0)),
            external=str(given.get("login_method") or "").upper() == "EXTERNAL",
        )

    def __str__(self) -> str:
        return ";".join(str(server) for server in self.servers)

    def __repr__(self) -> str:
        return f"<Address {self}>"


def _server(url: str, options: dict[str, Any]) -> Server:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{mask_url(url)!r} cannot be read as a URL. {_EXAMPLE}") from None
    chosen = options.get("ssl")
    secure = parts.scheme in _SECURE or bool(chosen)
    query: dict[str, Any] = dict(parse_qsl(parts.query))
    tls = Tls.of({**query, **(chosen if isinstance(chosen, dict) else {})}) if secure else None
    password = parts.password
    return Server(
        host=unquote(parts.hostname or "localhost"),
        port=port or (TLS_PORT if secure else PORT),
        vhost=unquote(parts.path.removeprefix("/")) or "/",
        user=unquote(parts.username or "") or "guest",
        password="guest" if password is None else unquote(password),
        tls=tls,
    )


def _seconds(name: str, value: Any, default: float, least: float = 0.001) -> float:
    if value is None:
        return default
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not least <= seconds < 1e5:
        raise ImproperlyConfigured(f"{name} is {value!r}; write seconds, for instance {default:g}.")
    return seconds
