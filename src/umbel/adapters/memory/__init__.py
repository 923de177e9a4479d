"""`memory://`: the reference implementation of the broker and backend contracts.

It lives in one process, for tests and for learning what a store does: one file a part of the contract, one lock, no
tricks. ``memory://`` and ``memory://name`` open the store of that name; whoever opens the same name in the same process
gets the same store, whether as a broker or as a backend.

    bell.py       how a thread sleeps and is woken
    entry.py      one stored message
    lines.py      who is next
    store.py      what the parts share, and the moves of a message
    publisher.py  consumer.py  owners.py  control.py  shelf.py  backend.py     one part of the contract each
    joins.py  outbox.py     which members of joins have ended; what follows, where the messages are elsewhere
    monitor.py  coordinator.py  overrides.py  pacer.py  claims.py     optional parts
"""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit

from .backend import MemoryBackend
from .broker import MemoryBroker
from .store import MemoryStore

__all__ = ["MemoryBackend", "MemoryBroker", "MemoryStore", "discard_store", "open_backend", "open_broker", "open_store"]

_stores: dict[str, MemoryStore] = {}
_stores_lock = threading.Lock()


def open_store(url: str = "memory://") -> MemoryStore:
    """The store of a URL, made when nobody has opened it yet.

    Example:
        >>> open_store("memory://readme") is open_store("memory://readme")
        True
    """
    with _stores_lock:
        return _stores.setdefault(_name(url), MemoryStore())


def discard_store(url: str = "memory://") -> None:
    """Forget the store of a URL: the next one who opens it finds it empty."""
    with _stores_lock:
        _stores.pop(_name(url), None)


def open_broker(url: str, options: dict[str, Any]) -> MemoryBroker:
    """Open a memory store as a broker; its one option is ``poison_limit``, others are ignored."""
    return MemoryBroker(open_store(url), max(1, int(options.get("poison_limit", 3))))


def open_backend(url: str, options: dict[str, Any]) -> MemoryBackend:
    """Open a memory store as a result backend; it has no options."""
    return MemoryBackend(open_store(url))


def _name(url: str) -> str:
    parts = urlsplit(url)
    return (parts.netloc + parts.path).strip("/")
