"""A stand-in for an object that is looked up each time: what is current changes, the name for it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Proxy:
    """Behaves like what ``find`` returns at that moment.

    Example:
        >>> where = {"now": [1, 2]}
        >>> proxy = Proxy(lambda: where["now"], "proxy")
        >>> len(proxy), isinstance(proxy, list)
        (2, True)
    """

    __slots__ = ("__name__", "_find")

    def __init__(self, find: Callable[[], Any], name: str) -> None:
        object.__setattr__(self, "_find", find)
        object.__setattr__(self, "__name__", name)

    def _get_current_object(self) -> Any:
        return object.__getattribute__(self, "_find")()

    @property  # type: ignore[misc]  # of object it could be set; nobody sets that of a proxy
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] - isinstance() asks for it
        return type(self._get_current_object())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get_current_object(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._get_current_object(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._get_current_object(), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._get_current_object()(*args, **kwargs)

    def __bool__(self) -> bool:
        return bool(self._get_current_object())

    def __len__(self) -> int:
        return len(self._get_current_object())

    def __getitem__(self, key: Any) -> Any:
        return self._get_current_object()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._get_current_object()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._get_current_object())

    def __repr__(self) -> str:
        return repr(self._get_current_object())

    def __str__(self) -> str:
        return str(self._get_current_object())

    def __eq__(self, other: object) -> bool:
        mine = self._get_current_object()
        return bool(mine == (other._get_current_object() if type(other) is Proxy else other))

    def __hash__(self) -> int:
        return hash(self._get_current_object())

    def __dir__(self) -> list[str]:
        return dir(self._get_current_object())

    def __reduce__(self) -> Any:
        return self._get_current_object().__reduce__()
