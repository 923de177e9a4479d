"""A property that is reckoned once, by kombu's name: unlike `functools.cached_property` it hears of changes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Self

_NOTHING: Any = object()


class cached_property(functools.cached_property[Any]):  # noqa: N801 - kombu's name
    """A property whose value is kept in the object after its first reading.

    Args:
        fget: reckons it.
        fset: is called with the object and a new value; what it returns is kept.
        fdel: is called with the object and the value that was kept, when it is deleted.

    Example:
        >>> class Shop:
        ...     @cached_property
        ...     def door(self):
        ...         return "open"
        ...     @door.setter
        ...     def door(self, value):
        ...         return value.upper()
        >>> shop = Shop()
        >>> shop.door = "shut"
        >>> shop.door
        'SHUT'
    """

    def __init__(
        self, fget: Callable[[Any], Any] | None = None, fset: Callable[[Any, Any], Any] | None = None,
        fdel: Callable[[Any, Any], Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(fget)  # type: ignore[arg-type] # as in kombu, it may be missing
        self._set = fset
        self._del = fdel

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        # Python asks here first, because this has __set__ too; a value that is kept is the answer.
        if instance is not None and self.attrname in instance.__dict__:
            return instance.__dict__[self.attrname]
        return super().__get__(instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.attrname] = value if self._set is None else self._set(instance, value)

    def __delete__(self, instance: Any) -> None:
        value = instance.__dict__.pop(self.attrname, _NOTHING)
        if self._del is not None and value is not _NOTHING:
            self._del(instance, value)

    def setter(self, fset: Callable[[Any, Any], Any]) -> Self:
        """The same with a function that hears of new values."""
        return type(self)(self.func, fset, self._del)

    def deleter(self, fdel: Callable[[Any, Any], Any]) -> Self:
        """The same with a function that hears of deletions."""
        return type(self)(self.func, self._set, fdel)
