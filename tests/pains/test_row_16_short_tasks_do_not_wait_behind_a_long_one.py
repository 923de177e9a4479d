"""Row 16: a worker holds no unstarted work behind a long task."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.until import until

PROCESS, THREAD = ("-c", "1"), ("-P", "thread", "-c", "1")


@stores("sqlite", "redis", "rabbitmq", "quorum")
def test_twenty_short_tasks_pass_a_long_one(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    start("-c", "1", "-n", "one@%h")
    start("-c", "1", "-n", "two@%h")
    runs = tmp_path / "runs"
    long = pains.note_pid.delay(str(runs), 20)
    until(runs.exists)
    begin = time.monotonic()
    short = [pains.block.delay(0.01) for _ in range(20)]
    for result in short:
        result.get(timeout=10)
    assert time.monotonic() - begin < 5  # 2 s on an idle machine; the suite shares its cores
    assert not long.ready()


@pytest.mark.parametrize(
    ("store", "pool"),
    [("sqlite", PROCESS), ("sqlite", THREAD), ("redis", PROCESS), ("redis", THREAD), ("quorum", PROCESS)],
    indirect=["store"],
)
def test_work_held_by_a_worker_is_given_back_when_one_task_turns_out_long(
    pains: Any, start: Callable[..., Any], pool: tuple[str, ...]
) -> None:
    start(*pool, "-n", "one@%h")
    for _ in range(3):  # now the name is known to be short, and is claimed in batches
        [result.get(timeout=10) for result in pains.block.delay_many([(0,)] * 100)]
    results = list(pains.block.delay_many([(0,)] * 3 + [(20,)] + [(0,)] * 30))
    until(results[2].ready)
    start("-c", "1", "-n", "two@%h")
    begin = time.monotonic()
    for result in results[4:]:
        assert result.get(timeout=10) == "slept"
    assert time.monotonic() - begin < 5
    assert not results[3].ready()
