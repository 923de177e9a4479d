"""How long a state is kept: `result_expires`, and `result_failure_expires` for a failure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from umbel import Umbel, clock
from umbel.ids import new_id
from umbel.testing.worker import InProcessWorker

DAY = 86_400


@pytest.fixture(params=["memory", "sqlite"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Umbel]:
    url = f"memory://{new_id()}" if request.param == "memory" else f"sqlite:///{tmp_path}/queue.db"
    with Umbel("lifetimes", broker=url, result_expires=DAY) as app:
        yield app


def kept(app: Umbel, *results: Any) -> list[int]:
    """Seconds that each of these results is kept from now, to the nearest ten; 0 for ever."""
    backend = app.backend()
    assert backend is not None
    records = backend.fetch([result.id for result in results])
    ends = [records[result.id].expires for result in results]
    return [round(end - clock.wall(), -1) if end else 0 for end in ends]  # type: ignore[misc]


def run(app: Umbel) -> list[int]:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    @app.task
    def fail() -> None:
        raise KeyError("gone")

    good, bad = add.delay(2, 3), fail.delay()
    with InProcessWorker(app, pool="thread") as worker:
        worker.drain()
    assert (good.state, bad.state) == ("SUCCESS", "FAILURE")
    return kept(app, good, bad)


@pytest.mark.parametrize(
    ("failures", "wanted"), [(None, DAY), (60, 60), (timedelta(days=9), 9 * DAY), (0, 0)]
)  # fmt: skip
def test_a_failure_has_its_own(app: Umbel, failures: Any, wanted: int) -> None:
    app.conf.result_failure_expires = failures
    assert run(app) == [DAY, wanted]


def test_one_that_a_task_stores_itself_or_that_ran_here_too(app: Umbel) -> None:
    app.conf.update(result_failure_expires=60, task_store_eager_result=True)

    @app.task(bind=True)
    def tell(self: Any) -> None:
        self.update_state(task_id="told", state="FAILURE", meta={})
        self.update_state(task_id="on its way", state="PROGRESS", meta={})
        raise KeyError("gone")

    eager = tell.apply()
    assert kept(app, eager, app.AsyncResult("told"), app.AsyncResult("on its way")) == [60, 60, DAY]
