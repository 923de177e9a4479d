"""Apps over the memory store; each test has a store of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from umbel import Umbel, current

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def nothing_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the app of another one."""
    monkeypatch.setattr(current._thread, "app", None)
    monkeypatch.setattr(current, "_default", [])


@pytest.fixture
def app() -> Iterator[Umbel]:
    """An app called ``capapp``, as that of the captured messages."""
    with Umbel("capapp", broker=f"memory://calling-{next(_numbers)}") as made:
        yield made
