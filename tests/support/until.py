"""Waiting for a condition without sleeping for luck."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def until(
    condition: Callable[[], Value], message: str | Callable[[], str] = "", *, timeout: float = 10.0, step: float = 0.005
) -> Value:
    """Call ``condition`` until it returns something true, and return that.

    Args:
        condition: cheap, without side effects. What it raises goes up at once.
        message: added to the failure: what was waited for, or a function that describes what was there instead.
        timeout: seconds; afterwards the test fails.
        step: seconds before the second look; the pauses grow from there to 50 ms.

    Raises:
        AssertionError: it never became true; shows the condition, the last value and the message.
    """
    deadline = time.monotonic() + timeout
    pause = step
    while not (value := condition()):
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(_failure(condition, value, message, timeout))
        time.sleep(min(pause, max(left, 0.001)))
        pause = min(pause * 1.5, 0.05)
    return value


def _failure(condition: Callable[[], object], value: object, message: str | Callable[[], str], timeout: float) -> str:
    told = message() if callable(message) else message
    try:
        source = " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):
        source = repr(condition)
    return f"not within {timeout:g} s: {told or source} (last value: {value!r})" + (f"\n  in: {source}" if told else "")
