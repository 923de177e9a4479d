"""A store that takes nothing new holds up what has something for it, and nothing else."""

from __future__ import annotations

import pytest

from umbel import Umbel
from umbel.app.results import Results
from umbel.backend import Backend
from umbel.exceptions import StoreFull
from umbel.ids import new_id
from umbel.testing.faults import Faults
from umbel.testing.worker import InProcessWorker


class Answering(Umbel):
    """An application whose results are in a store of their own, which can be full."""

    faults = Faults()

    def on_init(self) -> None:
        opened = self.backend

        def backend() -> Backend | None:
            found = opened()
            return None if found is None else self.faults.backend(found)

        self.backend = Results(self, backend)


def test_tasks_without_a_result_run_while_no_result_can_be_stored(caplog: pytest.LogCaptureFixture) -> None:
    app = Answering("full", broker=f"memory://{new_id()}", backend=f"memory://{new_id()}")
    ran: list[str] = []

    @app.task
    def add(x: int, y: int) -> int:
        ran.append("add")
        return x + y

    @app.task(ignore_result=True)
    def heal() -> None:
        ran.append("heal")
        app.faults.heal()

    app.faults.fail("store", StoreFull("no room for results"), times=None)
    sent = add.delay(1, 2)
    heal.delay()
    with InProcessWorker(app, pool="solo") as worker:
        worker.drain()
    assert (ran, sent.get(timeout=5)) == (["add", "heal"], 3)
    said = [record.getMessage() for record in caplog.records if record.name == "umbel.worker"]
    assert said.count("What has to be sent waits, other tasks go on: no room for results") == 1
    assert said.count("The store takes messages again: what waited is sent") == 1
