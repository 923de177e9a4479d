"""Row 29: a task with a rate limit is put off once, to its time; nothing waits behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import Project
from tests.pains.conftest import stores
from tests.support.until import until

LIMITED = """
import time
from pains import app, note

@app.task(rate_limit="4/s")
def limited(path):
    note(path, str(time.monotonic()))
"""
COUNT = 20


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@stores("sqlite", "redis", "rabbitmq")
def test_free_tasks_pass_limited_ones(
    pains: Any, project: Project, start: Callable[..., Any], tmp_path: Path
) -> None:  # fmt: skip
    project.write("limited.py", LIMITED)
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    for number in range(5 * COUNT):
        if number % 5 == 0:
            pains.app.send_task("limited.limited", (str(slow),))
        pains.note.delay(str(quick), "x")
    worker = start("-c", "2", "-I", "limited")
    until(lambda: len(lines(quick)) == 5 * COUNT, worker.output, timeout=30)
    assert len(lines(slow)) < COUNT
    until(lambda: len(lines(slow)) == COUNT, worker.output, timeout=30)
    first, *rest = sorted(map(float, lines(slow)))
    assert all(moment - first > 0.25 * number - 0.05 for number, moment in enumerate(rest, 1)), rest
