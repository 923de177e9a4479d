"""The worker inside of a test's own process, where it must not do to the process what it does to a child's."""

from __future__ import annotations

import pytest

from tests.support.crowded import crowded
from umbel import Umbel
from umbel.exceptions import TimeLimitExceeded
from umbel.ids import new_id
from umbel.testing.worker import InProcessWorker


@pytest.mark.parametrize("pool", ["solo", "thread"])
def test_a_hard_limit_ends_the_task_and_not_the_test(pool: str) -> None:
    """In a child of its own the process would be replaced; here it is the test's."""
    app = Umbel("limits", broker=f"memory://{new_id()}")

    @app.task(time_limit=0.1)
    def endless() -> None:
        while True:
            pass

    result = endless.delay()
    with InProcessWorker(app, pool=pool) as worker:
        worker.drain()
    assert result.state == "FAILURE"
    assert isinstance(result.result, TimeLimitExceeded)


def test_limits_hold_in_a_process_with_thousands_of_open_files() -> None:
    app = Umbel("files", broker=f"memory://{new_id()}")

    @app.task(time_limit=0.1)
    def endless() -> None:
        while True:
            pass

    result = endless.delay()
    with crowded(), InProcessWorker(app, pool="thread") as worker:
        worker.drain()
    assert result.state == "FAILURE"
