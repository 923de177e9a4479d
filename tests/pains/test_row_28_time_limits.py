"""Row 28: soft and hard limits hold in every pool, for blocking code too."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from umbel.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded

HARD = [
    (("-P", "process", "-c", "1"), "spin"),
    (("-P", "process", "-c", "1"), "block"),
    (("-P", "thread", "-c", "2"), "spin"),
    (("-P", "thread", "-c", "2"), "block"),
    (("-P", "asyncio", "-c", "10"), "doze"),
    (
        (
            "-P",
            "solo",
        ),
        "block",
    ),
]
SOFT = [case for case in HARD if case != (("-P", "thread", "-c", "2"), "block")]


@pytest.mark.parametrize(("options", "kind"), HARD, ids=[f"{o[1]}-{k}" for o, k in HARD])
def test_the_hard_limit_fails_the_task_and_the_next_one_starts(
    pains: Any, start: Callable[..., Any], options: tuple[str, ...], kind: str
) -> None:
    start(*options)
    begin = time.monotonic()
    late = getattr(pains, kind).apply_async((600,), time_limit=1.0)
    neighbour = getattr(pains, kind).apply_async((1.5,)) if options[1] in ("thread", "asyncio") else None
    with pytest.raises(TimeLimitExceeded):
        late.get(timeout=10)
    assert time.monotonic() - begin < 6
    assert pains.add.delay(1, 2).get(timeout=10) == 3
    if neighbour is not None:
        assert neighbour.get(timeout=15) is not None


@pytest.mark.parametrize(("options", "kind"), SOFT, ids=[f"{o[1]}-{k}" for o, k in SOFT])
def test_the_soft_limit_is_raised_inside_the_function(
    pains: Any, start: Callable[..., Any], options: tuple[str, ...], kind: str
) -> None:
    start(*options)
    with pytest.raises(SoftTimeLimitExceeded):
        getattr(pains, kind).apply_async((600,), soft_time_limit=0.5).get(timeout=10)
    assert pains.add.delay(1, 2).get(timeout=10) == 3


def test_a_coroutine_that_blocks_its_loop_is_settled_and_the_child_replaced(
    pains: Any, start: Callable[..., Any], project: Any
) -> None:
    project.write("blocking.py", "from pains import *\n\n@app.task\nasync def stall():\n    time.sleep(600)\n")
    grace = "worker_shutdown_grace=300"
    worker = project.forked_worker("blocking", "-l", "INFO", "-P", "asyncio", "-c", "5", "--", grace)
    worker.until_output("ready.", timeout=20)
    result = pains.app.send_task("blocking.stall", time_limit=1.0)
    with pytest.raises(TimeLimitExceeded):
        result.get(timeout=30)
    assert pains.doze.delay(0).get(timeout=50) == "dozed"  # long before the grace period is over
