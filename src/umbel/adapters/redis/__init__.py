"""The Redis room: a queue and its results in one server, in Celery's own layout where Celery has one.

address   what a URL says
wire      one connection: bytes, replies, deadlines
sentinel, cluster    which server is the primary now; which node of a cluster has our keys (slots: by which tag)
route     where to connect: by itself, by sentinels, by nodes of a cluster
link      the connection of one part: opened when needed, repaired, never carried over a fork
faults    every error as one of umbel's
scripts   the Lua scripts of lua/, by name
checks    what a server must be, and what its operator should know
backend, standing, watch    results: kept, what state they say, how a reader is woken
layout    names of keys, all of them
envelope  one message in Celery's format
broker    hands out publisher, consumer, owners, control, shelf: one part of the contract each
joins, keys    members of chords, whoever runs them; what Celery calls the results
pulse, ear, search    renewing leases; sleeping until a key changes; looking through what waits
pidbox    what Celery's processes ask of all workers
exchanges what is bound to what; fanout channels
plain     back to Celery: what only umbel reads becomes Celery's messages
"""

from __future__ import annotations

from typing import Any

from .address import Address
from .backend import RedisBackend

__all__ = ["open_backend"]


def open_backend(url: str, options: dict[str, Any]) -> RedisBackend:
    """A result store in one Redis server; nothing is connected before it is used.

    Args:
        url: ``redis://user:password@host:port/db``, ``rediss://...`` with TLS, ``redis+socket:///path/to.sock``,
            ``sentinel://...``, ``redis+cluster://host,host``.
        options: `result_backend_transport_options`: ``timeout`` (seconds of a call in all, 5), ``global_keyprefix``,
            ``username``, ``password``, ``ssl``; see `Address.parse`; ``result_chord_ordered`` (True).

    Raises:
        ImproperlyConfigured: the URL or an option cannot work.

    Example:
        >>> open_backend("redis://localhost:6379/0", {}).close()
    """
    return RedisBackend(Address.parse(url, options), ordered=bool(options.get("result_chord_ordered", True)))
