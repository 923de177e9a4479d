"""Row 7: with the store locked, `delay()` raises within its deadline, the async twin never blocks its loop, and the
next call after the recovery succeeds. (A full disk: tests/chaos.)"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import apsw
import pytest

from umbel.exceptions import StoreLocked


@pytest.fixture
def locked(pains: Any) -> Iterator[apsw.Connection]:
    """Another program holds the write lock of the file until it rolls back."""
    pains.app.conf.task_publish_deadline = 1.0
    pains.add.delay(0, 0)
    connection = apsw.Connection("queue.db")
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close(force=True)


def test_the_call_raises_in_time_and_the_next_one_succeeds(
    pains: Any, locked: apsw.Connection, start: Callable[..., Any]
) -> None:
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(StoreLocked, match="locked"):
            pains.add.delay(1, 2)
        assert 0.9 < time.monotonic() - begin < 1.6
    locked.execute("ROLLBACK")
    result = pains.add.delay(1, 2)
    start("-c", "1")
    assert result.get(timeout=20) == 3


def test_the_async_twin_blocks_no_loop(pains: Any, locked: apsw.Connection) -> None:
    async def scenario() -> float:
        longest = 0.0
        call = asyncio.ensure_future(pains.add.adelay(1, 2))
        while not call.done():
            begin = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - begin)
        with pytest.raises(StoreLocked):
            call.result()
        return longest

    assert asyncio.run(scenario()) < 0.5
    locked.execute("ROLLBACK")
    assert asyncio.run(pains.add.adelay(1, 2)).id
