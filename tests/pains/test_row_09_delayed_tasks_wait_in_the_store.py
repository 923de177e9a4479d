"""Row 9: delayed tasks cost a worker no memory, do not stand in the way of others, and outlive its restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import delayed, stores
from tests.support.scale import count, limit
from tests.support.until import until

every = stores("sqlite", "redis", "rabbitmq")


DELAYED = count(full=200_000, small=10_000)


def resident(worker: Any) -> int:
    """KiB of the supervisor and all below it."""
    total = 0
    for pid in [worker.pid, *worker.children()]:
        status = Path(f"/proc/{pid}/status").read_text()
        total += int(status.partition("VmRSS:")[2].split()[0])
    return total


@every
@pytest.mark.chaos
@limit(120)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_many_delayed_tasks_cost_a_worker_no_memory(pains: Any, start: Callable[..., Any]) -> None:
    worker = start("-c", "2")
    pains.add.delay(0, 0).get(timeout=20)
    before = resident(worker)
    calls = (((n, n), {}) for n in range(DELAYED))
    for _ in pains.add.apply_async_many(calls, countdown=3600):
        pass
    now = [pains.add.delay(n, 1) for n in range(50)]
    assert [result.get(timeout=20) for result in now] == [n + 1 for n in range(50)]
    assert resident(worker) - before < 20 * 1024
    assert delayed(pains) == DELAYED
    assert sum(one.leased for one in pains.shelf().counts()) == 0


@every
def test_a_delayed_task_outlives_the_worker_and_runs_on_time(pains: Any, start: Callable[..., Any]) -> None:
    worker = start("-c", "1")
    began = time.monotonic()
    later = pains.add.apply_async((2, 3), countdown=4)
    until(lambda: delayed(pains))
    assert worker.stop() == 0
    start("-c", "1")
    assert not later.ready() or time.monotonic() >= began + 4, "it ran before its time"
    assert later.get(timeout=20) == 5
