"""Row 15: children die in every way or are recycled after each task; the pool is soon full again
and nothing is stuck."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.until import until


def test_recycling_after_each_task_freezes_nothing(pains: Any, start: Callable[..., Any]) -> None:
    start("-c", "2", "--max-tasks-per-child", "1")
    pids = [pains.pid.delay() for _ in range(12)]
    assert len({result.get(timeout=30) for result in pids}) == 12


def test_recycling_by_memory_freezes_nothing(pains: Any, start: Callable[..., Any]) -> None:
    start("-c", "2", "--max-memory-per-child", "1000")
    results = [pains.add.delay(n, n) for n in range(8)]
    assert [result.get(timeout=30) for result in results] == [2 * n for n in range(8)]


def test_deaths_of_every_kind_leave_a_full_pool(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    worker = start("-c", "2")
    poison = [pains.die.delay(str(tmp_path / f"tries{n}")) for n in range(2)]
    broken = [pains.fail.delay("MemoryError") for _ in range(2)]
    large = pains.add.delay("x" * 8_000_000, "")
    for child in worker.children()[1:]:
        os.kill(child, signal.SIGKILL)
    results = [pains.add.delay(n, n) for n in range(50)]
    assert [result.get(timeout=30) for result in results] == [2 * n for n in range(50)]
    assert len(large.get(timeout=20)) == 8_000_000
    until(lambda: all(result.ready() for result in (*poison, *broken)), timeout=20)
    busy = [pains.block.delay(1.5) for _ in range(2)]
    until(lambda: len(pains.shelf().items("leased")) == 2, "both slots to be in use", timeout=10)
    assert [result.get(timeout=20) for result in busy] == ["slept", "slept"]
    assert pains.shelf().items("leased") == []
