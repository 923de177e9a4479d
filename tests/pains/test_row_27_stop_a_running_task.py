"""Row 27: a running task can be stopped in every pool, and its neighbours finish."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.until import until
from umbel.exceptions import TaskRevokedError, Terminated

POOLS = [
    (("-P", "process", "-c", "2"), "block"),
    (("-P", "process", "-c", "2"), "spin"),
    (("-P", "process", "-c", "2"), "doze"),
    (("-P", "thread", "-c", "4"), "spin"),
    (("-P", "thread", "-c", "4"), "block"),
    (("-P", "asyncio", "-c", "10"), "doze"),
    (
        (
            "-P",
            "solo",
        ),
        "spin",
    ),
]


@pytest.mark.parametrize(("options", "kind"), POOLS, ids=[f"{o[1]}-{k}" for o, k in POOLS])
def test_a_running_task_is_stopped_and_its_neighbours_finish(
    pains: Any, start: Callable[..., Any], options: tuple[str, ...], kind: str
) -> None:
    start(*options)
    task = getattr(pains, kind)
    victim = task.delay(60)
    until(lambda: running(pains, victim.id), "the task to run")
    neighbour = None if options[1] == "solo" else task.delay(1.0)
    begin = time.monotonic()
    victim.revoke(terminate=True)
    with pytest.raises((TaskRevokedError, Terminated)):
        victim.get(timeout=8)
    assert victim.state == "REVOKED"
    assert time.monotonic() - begin < 6  # 2 s on an idle machine; the suite shares its cores
    if neighbour is not None:
        assert neighbour.get(timeout=15) is not None
    assert pains.add.delay(1, 2).get(timeout=15) == 3


def running(pains: Any, task_id: str) -> bool:
    return any(item.parcel.id == task_id for item in pains.shelf().items("leased"))
