"""Row 2: a task longer than the visibility timeout, and one due later than it, run once;
its holder's death is noticed."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.until import until

both = stores("sqlite", "redis")


def runs(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@both
def test_work_belongs_to_its_owner_however_long_it_takes(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    pains.app.conf.broker_transport_options = {"visibility_timeout": 1}
    start("-c", "2", "-n", "one@%h")
    start("-c", "2", "-n", "two@%h")
    long, later = tmp_path / "long", tmp_path / "later"
    results = [
        pains.note_pid.delay(str(long), 4.0),
        pains.note_pid.apply_async((str(later), 0.0), countdown=3),
    ]
    for result in results:
        result.get(timeout=20)
    assert [len(runs(long)), len(runs(later))] == [1, 1]


@both
@pytest.mark.long
def test_the_death_of_the_holder_is_noticed_within_seconds(
    pains: Any, start: Callable[..., Any], tmp_path: Path
) -> None:
    holder = start("-c", "1", "-n", "one@%h")
    path = tmp_path / "runs"
    result = pains.note_pid.delay(str(path), 5.0)
    until(lambda: runs(path))
    start("-c", "1", "-n", "two@%h")
    for pid in [holder.pid, *holder.children()]:
        with contextlib.suppress(ProcessLookupError):  # it may have ended with its parent
            os.kill(pid, signal.SIGKILL)
    until(lambda: len(runs(path)) == 2, "the other worker to take it", timeout=15)
    assert result.get(timeout=20) is None
