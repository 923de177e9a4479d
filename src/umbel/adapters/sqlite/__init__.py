"""The SQLite room: broker and results in one file, for any number of processes of one machine.

<db>            messages, leases, delayed work, dead letters, results, revocations, owners
<db>.owners     a byte locked for each living owner (`liveness`)
<db>.wake/      named pipes that wake sleepers (`wake`)

address, location, migrate, link    which file, may it live there, its schema, one connection to it
rows, *.sql                         outcomes and parcels as one statement; what the file does with it
publisher consumer owners control shelf backend    the parts of the contracts
"""

from __future__ import annotations

from typing import Any

from .address import parsed
from .backend import SqliteBackend
from .broker import SqliteBroker

__all__ = ["open_backend", "open_broker"]


def open_broker(url: str, options: dict[str, Any]) -> SqliteBroker:
    """A broker over one file; nothing is opened before a part is used.

    Args:
        url: ``sqlite:///relative.db`` or ``sqlite:////absolute.db``, ``?durability=full&timeout=10``.
        options: ``durability``, ``timeout``, ``poison_limit`` (deaths after which a message is settled as lost, 3).

    Raises:
        ImproperlyConfigured: the URL or an option cannot work.

    Example:
        >>> open_broker("sqlite:////tmp/example.db", {}).abilities.shared
        True
    """
    return SqliteBroker(parsed(url, options))


def open_backend(url: str, options: dict[str, Any]) -> SqliteBackend:
    """A result store over one file, the same as the broker's or another; see `open_broker`."""
    return SqliteBackend(parsed(url, options))
