"""Row 53: the in-process worker of `umbel.testing` gives the outcomes that a real worker gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from umbel import Umbel

CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("add", (1, 2), {}),
    ("add", ("a", 1), {}),
    ("add", ((1,), [2]), {}),
    ("fail", ("ValueError",), {}),
    ("unjsonable", (), {}),
    ("keys", ({1: 2},), {}),
    ("doze", (0,), {}),
    ("add", (1, 2), {"expires": -1}),
    ("add", (1, 2), {"ignore_result": True}),
    ("spin", (5,), {"soft_time_limit": 0.05}),
]


def outcome(result: Any) -> tuple[str, str]:
    value = result.result
    return result.state, f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else repr(value)


@pytest.fixture
def umbel_app(pains: Any) -> Iterator[Umbel]:
    return pains.app


@pytest.mark.filterwarnings("ignore:The task expires")
def test_outcomes_are_identical(pains: Any, start: Callable[..., Any], request: pytest.FixtureRequest) -> None:
    start("-c", "1")
    sent = [getattr(pains, name).apply_async(args, **options) for name, args, options in CALLS]
    marker = pains.add.delay(0, 0)
    marker.get(timeout=20)
    real = [outcome(result) for result in sent]
    worker = request.getfixturevalue("umbel_worker")
    again = [getattr(pains, name).apply_async(args, **options) for name, args, options in CALLS]
    worker.drain()
    assert [outcome(result) for result in again] == real
    assert {state for state, _ in real} >= {"SUCCESS", "FAILURE", "REVOKED"}
