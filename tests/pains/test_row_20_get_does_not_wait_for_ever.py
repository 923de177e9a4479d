"""Row 20: what cannot arrive is told at once; what arrives wakes everybody who waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.pains.conftest import stores
from umbel.exceptions import TaskRevokedError, TimeoutError, UmbelError

both = stores("sqlite", "redis")


def test_an_unknown_id_raises_at_once(pains: Any) -> None:
    pains.add.delay(1, 2)
    begin = time.monotonic()
    with pytest.raises(UmbelError):
        pains.app.AsyncResult("no such id").get(timeout=30)
    assert time.monotonic() - begin < 1
    assert not pains.app.AsyncResult("no such id").exists()


@both
def test_an_ignored_result_returns_or_raises_at_once(pains: Any, start: Callable[..., Any]) -> None:
    start("-c", "1")
    result = pains.add.apply_async((1, 2), ignore_result=True)
    begin = time.monotonic()
    assert result.get(timeout=30) is None
    assert time.monotonic() - begin < 1


@both
def test_an_expired_task_raises(pains: Any, start: Callable[..., Any]) -> None:
    result = pains.add.apply_async((1, 2), expires=0.01)
    start("-c", "1")
    with pytest.raises(TaskRevokedError, match="expired"):
        result.get(timeout=20)
    assert result.state == "REVOKED"


@both
def test_a_wait_has_an_end(pains: Any) -> None:
    result = pains.add.delay(1, 2)
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        result.get(timeout=0.3)
    assert time.monotonic() - begin < 2


@both
def test_fifty_waiters_are_woken(pains: Any, start: Callable[..., Any]) -> None:
    result = pains.add.delay(1, 2)
    got: list[tuple[int, float]] = []

    def wait() -> None:
        value = pains.app.AsyncResult(result.id).get(timeout=30)
        got.append((value, time.monotonic()))

    threads = [threading.Thread(target=wait) for _ in range(50)]
    for thread in threads:
        thread.start()
    start("-c", "1")
    for thread in threads:
        thread.join(30)
    assert [value for value, _ in got] == [3] * 50
    assert max(at for _, at in got) - min(at for _, at in got) < 5
