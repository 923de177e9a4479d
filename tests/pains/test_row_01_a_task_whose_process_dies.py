"""Row 1: a task is not lost when the process that runs it dies, and one that kills its process does not loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.until import until

both = stores("sqlite", "redis")


@stores("sqlite", "redis", "rabbitmq")
@pytest.mark.long
def test_a_killed_process_loses_no_task(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    start("-c", "2")
    pids = tmp_path / "pids"
    slow = [pains.note_pid.delay(str(pids), 1.0) for _ in range(2)]
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2, "both to run")
    for pid in pids.read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    rest = [pains.add.delay(n, n) for n in range(20)]
    assert [result.get(timeout=20) for result in slow] == [None, None]
    assert [result.get(timeout=20) for result in rest] == [2 * n for n in range(20)]
    assert len(pids.read_text().split()) == 4, "each ran again once"


@both
def test_a_task_that_kills_its_process_is_set_aside_after_three_tries(
    pains: Any, start: Callable[..., Any], tmp_path: Path
) -> None:
    start("-c", "2")
    tries = tmp_path / "tries"
    poison = pains.die.delay(str(tries))
    neighbours = [pains.add.delay(n, 0) for n in range(20)]
    assert [result.get(timeout=20) for result in neighbours] == list(range(20))
    until(lambda: poison.state == "FAILURE", timeout=20)
    assert len(tries.read_text().split()) == 3
    assert [item.parcel.id for item in pains.shelf().items("dead")] == [poison.id]
    assert "code 137" in pains.shelf().items("dead")[0].reason
