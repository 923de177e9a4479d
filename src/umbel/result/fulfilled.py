"""Callbacks: the functions that `then` was given, called once when a result is known to have ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Function = Callable[[Any], Any]


class Callbacks:
    """In the order in which they were added."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[tuple[Function, Function | None]] = []

    def add(self, callback: Function, on_error: Function | None) -> None:
        """Add one, with what is told of its error."""
        self._waiting.append((callback, on_error))

    def call(self, result: Any) -> None:
        """Call those that were not called yet; the error of one that has no ``on_error`` is raised at the end."""
        unheard: Exception | None = None
        while self._waiting:
            callback, on_error = self._waiting.pop(0)
            try:
                callback(result)
            except Exception as error:  # the user's function
                if on_error is not None:
                    on_error(error)
                else:
                    unheard = unheard or error
        if unheard is not None:
            raise unheard

    def throw(self, exc: BaseException | None = None, tb: Any = None, propagate: bool = True) -> None:
        """Tell each ``on_error`` of this exception in the place of a result, and raise it.

        Args:
            exc: the exception; the one that is being handled unless given.
            tb: its traceback, where it is another than its own.
            propagate: raise it at the end.

        Raises:
            TypeError: there is no exception.
        """
        error = exc if exc is not None else sys.exc_info()[1]
        if error is None:
            raise TypeError("throw() needs an exception: give it one, or call it where one is handled.")
        while self._waiting:
            _, on_error = self._waiting.pop(0)
            if on_error is not None:
                on_error(error)
        if propagate:
            raise error if tb is None else error.with_traceback(tb)
