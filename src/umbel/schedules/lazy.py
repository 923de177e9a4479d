"""Arguments of an entry that are made anew each time it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


class BeatLazyFunc:
    """An argument of an entry that is made anew each time the entry is sent.

    Args:
        func: makes it.
        args, kwargs: of the function.

    Example:
        >>> BeatLazyFunc(divmod, 7, 2)()
        (3, 1)
    """

    def __init__(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._func = func
        self._func_params: dict[str, Any] = {"args": args, "kwargs": kwargs}

    def __call__(self) -> Any:
        return self.delay()

    def delay(self) -> Any:
        """The argument, as it is now."""
        return self._func(*self._func_params["args"], **self._func_params["kwargs"])


def evaluated(args: Iterable[Any] | None, kwargs: Mapping[str, Any] | None) -> tuple[list[Any], dict[str, Any]]:
    """Arguments as they are sent: each `BeatLazyFunc` called, in order."""
    return [_made(one) for one in args or ()], {name: _made(one) for name, one in (kwargs or {}).items()}


def _made(value: Any) -> Any:
    return value() if isinstance(value, BeatLazyFunc) else value
