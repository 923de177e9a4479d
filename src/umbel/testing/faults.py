"""Faults on demand: a broker or a backend whose calls fail when, where and how the test says.

Example:
    >>> from umbel.adapters.memory import open_broker
    >>> from umbel.exceptions import StoreFull
    >>> from umbel.message import Parcel
    >>> faults = Faults()
    >>> broker = faults.broker(open_broker("memory://faults", {}))
    >>> faults.fail("publish", StoreFull("no room"))
    >>> broker.publisher().publish([Parcel("celery", "1", "add", b"{}", b"[]")])
    Traceback (most recent call last):
    ...
    umbel.exceptions.StoreFull: no room
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

from ..backend import Backend
from ..broker import Broker

When = Literal["before", "after"]


@dataclass
class _Fault:
    call: str
    error: Exception
    when: When
    times: int | None


class Faults:
    """A plan of failures, shared by everything that was wrapped with it; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Fault] = []
        self._calls: list[str] = []

    def broker(self, broker: Broker) -> Broker:
        """The same broker; calls on it and on its parts follow the plan."""
        return cast("Broker", _Wrapped(broker, self))

    def backend(self, backend: Backend) -> Backend:
        """The same backend; calls on it and on its watches follow the plan."""
        return cast("Backend", _Wrapped(backend, self))

    def fail(self, call: str, error: Exception, *, when: When = "before", times: int | None = 1) -> None:
        """Let a call fail.

        Args:
            call: name of the method, for instance "publish", "turn", "store" or "consumer".
            error: what it raises, as a rule an `OperationalError`.
            when: "before" it did anything, or "after" its effect (the answer was lost).
            times: how many calls fail, one unless given; None means until `heal`.
        """
        with self._lock:
            self._planned.append(_Fault(call, error, when, times))

    def heal(self) -> None:
        """From now on nothing fails."""
        with self._lock:
            self._planned.clear()

    def calls(self, name: str) -> int:
        """How often a method was called, failed calls included."""
        with self._lock:
            return self._calls.count(name)

    def _next(self, call: str) -> _Fault | None:
        with self._lock:
            self._calls.append(call)
            for fault in self._planned:
                if fault.call == call:
                    if fault.times is not None:
                        fault.times -= 1
                    if fault.times == 0:
                        self._planned.remove(fault)
                    return fault
            return None

    def perform(self, call: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Make one call as the plan has it."""
        fault = self._next(call)
        if fault and fault.when == "before":
            raise fault.error
        result = method(*args, **kwargs)
        if fault:
            raise fault.error
        return _Wrapped(result, self) if call in _PARTS else result


_PARTS = frozenset({"publisher", "consumer", "owners", "control", "shelf", "watch"})


class _Wrapped:
    """Stands for a broker, a backend or a part of one."""

    def __init__(self, inner: Any, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return partial(self._faults.perform, name, found) if callable(found) else found
