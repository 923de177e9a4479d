"""A dictionary that forgets what was used least recently: what a monitor remembers of a cluster is bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LRUCache(MutableMapping[K, V], Generic[K, V]):
    """At most ``limit`` entries, None for any number.

    Attributes:
        data: the entries, the one that was used least recently first. Reading here does not count as a use.

    Example:
        >>> cache = LRUCache(2)
        >>> cache["a"], cache["b"], _ = 1, 2, cache.get("a")
        >>> cache["c"] = 3
        >>> list(cache)
        ['b', 'c']
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.mutex = threading.RLock()
        self.data: OrderedDict[K, V] = OrderedDict()

    def __getitem__(self, key: K) -> V:
        with self.mutex:
            value = self.data[key]
            self.data.move_to_end(key)
            return value

    def __setitem__(self, key: K, value: V) -> None:
        with self.mutex:
            self.data[key] = value
            self.data.move_to_end(key)
            while self.limit and len(self.data) > self.limit:
                self.data.popitem(last=False)

    def __delitem__(self, key: K) -> None:
        with self.mutex:
            del self.data[key]

    def __contains__(self, key: object) -> bool:
        return key in self.data

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[K]:
        with self.mutex:
            return iter(list(self.data))

    def __getstate__(self) -> dict[str, Any]:
        return {"limit": self.limit, "data": self.data}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, mutex=threading.RLock())

    # What a monitor shows is read as it was at one moment, while another thread goes on writing.

    def keys(self) -> Any:
        with self.mutex:
            return list(self.data)

    def values(self) -> Any:
        with self.mutex:
            return list(self.data.values())

    def items(self) -> Any:
        with self.mutex:
            return list(self.data.items())
