"""Row 17: no growth by task: worker and producer, for tasks that return, that raise, and that run into their limit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.test_row_09_delayed_tasks_wait_in_the_store import resident
from tests.support.scale import count, limit
from umbel.exceptions import SoftTimeLimitExceeded

PLAIN = count(full=100_000, small=3_000)
RAISING = count(full=20_000, small=500)
LATE = count(full=2_000, small=10)


def own() -> int:
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0])


@pytest.mark.chaos
@limit(120)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_worker_and_producer_stay_as_large_as_they_are(pains: Any, start: Callable[..., Any]) -> None:
    worker = start("-c", "1")

    def work() -> None:
        """A tenth of it: what is held at once, here too, is the same each time."""
        plain = [result.id for result in pains.add.delay_many([(n, n) for n in range(PLAIN // 10)])]
        raising = list(pains.fail.delay_many([("ValueError",)] * (RAISING // 10)))
        for result in raising:
            assert isinstance(result.get(timeout=60, propagate=False), ValueError)
        for _ in range(LATE // 10):
            with pytest.raises(SoftTimeLimitExceeded):
                pains.spin.apply_async((30,), soft_time_limit=0.02).get(timeout=20)
        assert pains.app.AsyncResult(plain[-1]).get(timeout=60) == 2 * (len(plain) - 1)

    work()
    before = resident(worker), own()
    for _ in range(9):
        work()
    grown = resident(worker) - before[0], own() - before[1]
    print(f"the worker grew by {grown[0]} KiB, the producer by {grown[1]} KiB")
    assert grown[0] < 10 * 1024, f"the worker grew by {grown[0]} KiB"
    assert grown[1] < 10 * 1024, f"the producer grew by {grown[1]} KiB"
