"""Runs checks of a suite outside of pytest, and tells which of them failed."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import pytest

from ...testing.conformance.scene import opened_scene
from .base import Broken, BrokenLab


def checks_of(suite: type[object]) -> list[str]:
    """Names of the checks of a suite."""
    return sorted(name for name, _ in inspect.getmembers(suite, inspect.isfunction) if name.startswith("test_"))


def failure_of(suite: type[object], check: str, store: type[Broken], patience: float) -> BaseException | None:
    """What a check found wrong with a store, None when it passed."""
    try:
        with opened_scene(BrokenLab(store, patience)) as scene:
            getattr(suite(), check)(scene)
    except (Exception, pytest.fail.Exception) as error:
        return error
    return None


def failing(suite: type[object], checks: Iterable[str], store: type[Broken]) -> dict[str, BaseException]:
    """Which checks fail on a store, and why.

    A surprise is looked at again with patience: on a busy machine a thread may be late, or not asleep yet.
    """
    found: dict[str, BaseException] = {}
    for check in checks:
        error = failure_of(suite, check, store, 0.1)
        if (error is not None) != (check == store.breaks):
            error = failure_of(suite, check, store, 5.0)
        if error is not None:
            found[check] = error
    return found
