"""Row 26: a revocation is a record in the store: it holds with all workers down, over restarts, and for delayed
tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores
from umbel.control import Control
from umbel.exceptions import TaskRevokedError

every = stores("sqlite", "redis", "rabbitmq")


@every
def test_revoked_with_all_workers_down_never_runs(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    words = tmp_path / "words"
    now = pains.note.delay(str(words), "now")
    later = pains.note.apply_async((str(words), "later"), countdown=1)
    kept = pains.note.apply_async((str(words), "kept"), countdown=1.2)
    now.revoke()
    later.revoke()
    if "ready" in pains.app.broker.abilities.listed:  # elsewhere nobody knows whether it runs, until a worker has it
        assert [now.state, later.state] == ["REVOKED", "REVOKED"], "at once, with nobody there"
    start("-c", "2")
    kept.get(timeout=20)
    assert words.read_text().split() == ["kept"]
    for result in (now, later):
        with pytest.raises(TaskRevokedError):
            result.get(timeout=20)


@every
def test_revoking_an_id_that_is_sent_later_holds_over_a_restart(
    pains: Any, start: Callable[..., Any], tmp_path: Path
) -> None:
    words = tmp_path / "words"
    worker = start("-c", "1")
    Control(pains.app).revoke("fixed-id")
    assert worker.stop() == 0
    start("-c", "1")
    with pytest.raises(TaskRevokedError):
        pains.note.apply_async((str(words), "never"), task_id="fixed-id").get(timeout=20)
    assert pains.add.delay(1, 2).get(timeout=20) == 3
    assert not words.exists()
