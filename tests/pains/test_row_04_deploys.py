"""Row 4: SIGTERM loses, strands and repeats nothing: running, held and delayed tasks."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import ready, stores
from tests.support.until import until


@pytest.mark.parametrize(
    ("store", "whole_group"),
    [("sqlite", False), ("sqlite", True), ("redis", False), ("redis", True), ("quorum", True)],
    indirect=["store"],
)
def test_a_warm_stop_finishes_what_runs_and_leaves_the_rest(
    pains: Any, start: Callable[..., Any], tmp_path: Path, whole_group: bool
) -> None:
    worker = start("-c", "2")
    path = tmp_path / "runs"
    running = [pains.note_pid.delay(str(path), 1.0) for _ in range(2)]
    until(lambda: path.exists() and len(path.read_text().split()) == 2)
    waiting = [pains.add.delay(n, n) for n in range(10)]
    later = pains.add.apply_async((1, 1), countdown=2)
    (worker.send_group if whole_group else worker.send)(signal.SIGTERM)
    assert worker.wait(timeout=20) == 0
    assert [result.state for result in running] == ["SUCCESS", "SUCCESS"]
    if "leased" in pains.app.broker.abilities.listed:
        assert not pains.shelf().items("leased")
    start("-c", "2")
    assert [result.get(timeout=20) for result in waiting] == [2 * n for n in range(10)]
    assert later.get(timeout=20) == 2
    assert len(path.read_text().split()) == 2, "what finished in time did not run again"


@stores("sqlite", "redis", "quorum")
def test_what_outlasts_the_grace_period_is_handed_back(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    worker = start("-c", "1")
    path = tmp_path / "runs"
    long = pains.note_pid.delay(str(path), 60.0)
    until(path.exists)
    worker.send(signal.SIGTERM)
    worker.until_output("Warm shutdown")
    worker.send(signal.SIGTERM)
    assert worker.wait(timeout=20) == 0
    assert ready(pains) == 1
    if "ready" in pains.app.broker.abilities.listed:
        (item,) = pains.shelf().items("ready")
        assert (item.parcel.id, item.deaths) == (long.id, 0)
