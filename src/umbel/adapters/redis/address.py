"""What a URL says about a Redis server: where it is, who asks, which database, how long a call may take.

redis://user:password@host:6379/0       one server over TCP; each part but the scheme may be left out
rediss://host:6380/0?ssl_ca_certs=...   the same over TLS
redis+socket:///run/redis.sock          a unix socket; ?virtual_host=2 or ?db=2 names the database, as in Celery
sentinel://a:26379/0;sentinel://b:26379 whoever these sentinels call the primary of `master_name`, an option
redis+cluster://user:password@a,b:6380  the node of the cluster that serves our keys, as one of these nodes says;
                                        rediss+cluster:// with TLS
?timeout=5                              seconds that one call may take in all
?ssl_cert_reqs=required                 or optional, none (or Celery's CERT_REQUIRED ...); ssl_ca_certs, ssl_certfile,
                                        ssl_keyfile, ssl_check_hostname say the rest
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

import msgspec

from ...exceptions import ImproperlyConfigured
from ...tls import Tls
from ...urls import mask_url
from .slots import tagged

DEFAULT_PORT: Final = 6379
SENTINEL_PORT: Final = 26379
NO_DATABASE: Final = -1
"""Of a sentinel: it has none, and does not know SELECT."""
DEFAULT_TIMEOUT: Final = 5.0

_EXAMPLE: Final = "Write redis://localhost:6379/0, or redis+socket:///run/redis.sock for a unix socket."
_SOCKETS: Final = frozenset({"redis+socket", "socket", "unix"})
_CLUSTERS: Final = frozenset({"redis+cluster", "rediss+cluster"})


class Address(msgspec.Struct, frozen=True):
    """One Redis server as one part of umbel speaks to it. `str()` of it may be shown: it has no password.

    Attributes:
        host: name or address; empty with a unix socket.
        port: TCP port.
        path: of the unix socket; empty with TCP.
        db: number of the database.
        username: for servers with access lists, None for the default user.
        password: None when the server asks for none.
        tls: None without TLS.
        prefix: what stands before each key (`global_keyprefix`), as the user wrote it; in a cluster with a hash tag.
        timeout: seconds that a call without a deadline of its own may take in all.
        sentinels: (host, port) of those who know the primary; host and port are without meaning then.
        master: the name by which they know it.
        guard: (user name, password) that the sentinels themselves ask for.
        replicas: how many replicas must have a published message before the call returns.
        nodes: (host, port) of some of a cluster's nodes; host and port are without meaning then.
        evicting: messages may be kept on a server that drops keys when its memory is full.
    """

    host: str = "localhost"
    port: int = DEFAULT_PORT
    path: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = None
    tls: Tls | None = None
    prefix: str = ""
    timeout: float = DEFAULT_TIMEOUT
    sentinels: tuple[tuple[str, int], ...] = ()
    master: str = ""
    guard: tuple[str | None, str | None] = (None, None)
    replicas: int = 0
    nodes: tuple[tuple[str, int], ...] = ()
    evicting: bool = False

    @classmethod
    def parse(cls, url: str, options: dict[str, Any]) -> Address:
        """The address that a URL and options name.

        Args:
            url: see the module.
            options: `broker_transport_options` or `result_backend_transport_options`: ``timeout`` (or Celery's
                ``socket_timeout``) in seconds, ``global_keyprefix``, ``username``, ``password``, ``ssl`` (True or a
                dict of the ``ssl_...`` options); they win over the URL, and other keys are ignored. What the URL
                leaves out comes from ``unsaid`` (``host``, ``port``, ``db``, ``username``, ``password``). For
                sentinels: ``master_name``, ``sentinel_kwargs`` (``username``, ``password`` of theirs); with replicas:
                ``wait_replicas``. ``allow_eviction``: see ``evicting``.

        Raises:
            ImproperlyConfigured: the URL or an option cannot work; the sentence says what to write.

        Example:
            >>> str(Address.parse("redis://:hunter2@cache/3", {}))
            'redis://:**@cache:6379/3'
        """
        plain, sentinels, nodes = _places(url)
        parts, port = _split(plain)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        unix = parts.scheme in _SOCKETS
        place = unquote(parts.path)
        if unix and not place.startswith("/"):
            raise ImproperlyConfigured(f"{mask_url(url)!r} names no socket. {_EXAMPLE}")
        named = given.get("db", given.get("virtual_host", "")) if unix else place or given.get("db", "")
        secure = parts.scheme.startswith("rediss") or bool(options.get("ssl"))
        seconds = options.get("timeout", given.get("timeout", options.get("socket_timeout")))
        unsaid: dict[str, Any] = options.get("unsaid") or {}
        return cls(
            host="" if unix else unquote(parts.hostname or "") or str(unsaid.get("host", "localhost")),
            port=port or int(unsaid.get("port", DEFAULT_PORT)),
            path=place if unix else "",
            db=_number(named.strip("/") or str(unsaid.get("db", "")), url, only_one=bool(nodes)),
            username=options.get("username") or unquote(parts.username or "") or unsaid.get("username"),
            password=options.get("password") or unquote(parts.password or "") or unsaid.get("password"),
            tls=_tls(given, options) if secure and not unix else None,
            prefix=(tagged if nodes else str)(str(options.get("global_keyprefix") or "")),
            timeout=_seconds(DEFAULT_TIMEOUT if seconds is None else seconds),
            sentinels=sentinels,
            master=_master(options, url) if sentinels else "",
            guard=_guard(options),
            replicas=_replicas(options.get("wait_replicas", given.get("wait_replicas", 0))),
            nodes=nodes,
            evicting=bool(options.get("allow_eviction")),
        )

    def __str__(self) -> str:
        who = f"{self.username or ''}:**@" if self.password else f"{self.username}@" if self.username else ""
        if self.path:
            return f"redis+socket://{who}{self.path}" + (f"?virtual_host={self.db}" if self.db else "")
        if self.sentinels:
            places = ";".join(f"sentinel://{who}{_bracketed(host)}:{port}" for host, port in self.sentinels)
            return f"{places}/{self.db} ({self.master})"
        if self.nodes:
            places = ",".join(f"{_bracketed(host)}:{port}" for host, port in self.nodes)
            return f"redis{'s' if self.tls else ''}+cluster://{who}{places}"
        host = _bracketed(self.host)
        return f"redis{'s' if self.tls else ''}://{who}{host}:{self.port}/{self.db}"

    def __repr__(self) -> str:
        return f"<Address {self}>"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _split(url: str, whole: str = "") -> tuple[SplitResult, int | None]:
    """A URL in its parts; an error names the whole that it comes from."""
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{mask_url(whole or url)!r} cannot be read as a URL. {_EXAMPLE}") from None


def _places(url: str) -> tuple[str, tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    """A URL that names one host, and the sentinels or the nodes of a cluster that were named in it."""
    if url.startswith("sentinel:"):
        return _joined(url), _sentinels(url), ()
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _CLUSTERS:
        return url, (), ()
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    who, at, hosts = place.rpartition("@")
    split = [_split(f"redis://{host.strip()}", url) for host in hosts.split(",") if host.strip()]
    nodes = [(unquote(parts.hostname or "localhost"), port or DEFAULT_PORT) for parts, port in split]
    return f"{scheme}://{who}{at}{rest[len(place) :]}", (), tuple(nodes) or (("localhost", DEFAULT_PORT),)


def _joined(url: str) -> str:
    """The URL of the first sentinel, with what only another one says: the password, the database."""
    parts = [_split(each)[0] for each in url.split(";") if each]
    who = next((found.netloc.rpartition("@")[0] for found in parts if "@" in found.netloc), "")
    path = next((found.path for found in parts if found.path.strip("/")), "")
    query = "&".join(found.query for found in parts if found.query)
    return urlunsplit(("sentinel", f"{who}@localhost" if who else "localhost", path, query, ""))


def _sentinels(url: str) -> tuple[tuple[str, int], ...]:
    split = [_split(each) for each in url.split(";") if each]
    return tuple((unquote(parts.hostname or "localhost"), port or SENTINEL_PORT) for parts, port in split)


def _master(options: dict[str, Any], url: str) -> str:
    name = options.get("master_name")
    if not name:
        raise ImproperlyConfigured(
            f"{mask_url(url)!r} names sentinels, which must be told of which primary: add master_name to the"
            ' transport options, as in broker_transport_options = {"master_name": "mymaster"}.'
        )
    return str(name)


def _guard(options: dict[str, Any]) -> tuple[str | None, str | None]:
    given = options.get("sentinel_kwargs") or {}
    return given.get("username") or None, given.get("password") or None


def _replicas(value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        raise ImproperlyConfigured(f"wait_replicas is {value!r}; write how many replicas must have a message, as 1.")
    return int(text)


def _number(text: str, url: str, *, only_one: bool) -> int:
    text = text.strip("/")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise ImproperlyConfigured(
            f"{mask_url(url)!r} names the database {text!r}, but Redis numbers them; write for instance /0."
        )
    if only_one and int(text):
        raise ImproperlyConfigured(
            f"{mask_url(url)!r} names the database {text}, and a cluster has the database 0 only; leave the number out,"
            " and tell applications apart by global_keyprefix."
        )
    return int(text)


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 < seconds < 1e6:
        raise ImproperlyConfigured(f"timeout is {value!r}; write seconds, for instance 5.")
    return seconds


def _tls(query: dict[str, str], options: dict[str, Any]) -> Tls:
    return Tls.of({**query, **(options["ssl"] if isinstance(options.get("ssl"), dict) else {})})
