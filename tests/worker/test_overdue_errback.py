"""Errbacks and receivers that are told of a hard limit run beside the keeper: one that blocks stops no other limit."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.support.until import until
from umbel import Umbel, signals
from umbel.exceptions import TimeLimitExceeded
from umbel.ids import new_id
from umbel.testing.worker import InProcessWorker


@pytest.fixture(params=["memory", "sqlite"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Umbel]:
    url = f"memory://{new_id()}" if request.param == "memory" else f"sqlite:///{tmp_path}/queue.db"
    with Umbel("late", broker=url) as app:
        yield app


async def hang() -> None:
    await asyncio.Event().wait()


def test_a_blocking_errback_does_not_stop_the_keeper(app: Umbel) -> None:
    told: list[Any] = []
    sent: list[Any] = []

    @app.task
    def wait_for_the_next(request: Any, error: BaseException, traceback: str | None) -> None:
        until(lambda: [one.state for one in sent] == ["FAILURE", "FAILURE"], timeout=3.0)
        told.append((request.id, type(error)))

    task = app.task(hang)
    sent.append(task.apply_async(time_limit=0.1, link_error=wait_for_the_next.s()))
    sent.append(task.apply_async(time_limit=0.4))
    with InProcessWorker(app, pool="asyncio", concurrency=2) as worker:
        worker.drain()
    assert told == [(sent[0].id, TimeLimitExceeded)]


def test_a_blocking_receiver_does_not_stop_the_keeper(app: Umbel) -> None:
    told: list[str] = []
    sent: list[Any] = []

    def wait_for_the_next(task_id: str, **_: Any) -> None:
        if task_id == sent[0].id:
            until(lambda: [one.state for one in sent] == ["FAILURE", "FAILURE"], timeout=3.0)
            told.append(task_id)

    task = app.task(hang)
    sent += [task.apply_async(time_limit=limit) for limit in (0.1, 0.4)]
    signals.task_failure.connect(wait_for_the_next)
    try:
        with InProcessWorker(app, pool="asyncio", concurrency=2) as worker:
            worker.drain()
    finally:
        signals.task_failure.disconnect(wait_for_the_next)
    assert told == [sent[0].id]


STUCK = """
from umbel import Umbel

app = Umbel("stuck", broker="sqlite:///stuck.db")

@app.task(time_limit=0.3)
def stuck():
    while True:
        pass

@app.task
def told(request, error, traceback):
    with open("gate") as gate, open("told.txt", "w") as file:
        file.write(gate.read() + type(error).__name__)
"""


def test_a_child_that_is_replaced_waits_for_its_errbacks(project: Project) -> None:
    project.write("stuck.py", STUCK)
    os.mkfifo(project.folder / "gate")
    worker = project.forked_worker("stuck", "-c", "1", "-l", "INFO")
    worker.until_output("ready.", timeout=20)
    done = project.client("from stuck import stuck, told; print(stuck.apply_async(link_error=told.s()).id)")
    state = f"from stuck import app; print(app.AsyncResult({done.stdout.strip()!r}).state)"
    until(lambda: "FAILURE" in project.client(state).stdout, timeout=10)
    with (project.folder / "gate").open("w") as gate:
        gate.write("let in: ")
    until(lambda: (project.folder / "told.txt").exists() and (project.folder / "told.txt").read_text(), timeout=5)
    assert (project.folder / "told.txt").read_text() == "let in: TimeLimitExceeded"
    assert worker.stop() == 0


def test_an_errback_that_never_ends_does_not_keep_its_child_beyond_the_grace_period(project: Project) -> None:
    endless = STUCK.replace(
        "def stuck():\n    while True:\n        pass", "async def stuck():\n    await Event().wait()"
    )
    project.write("stuck.py", "from asyncio import Event\n" + endless + "\napp.conf.worker_shutdown_grace = 0.5\n")
    os.mkfifo(project.folder / "gate")
    worker = project.forked_worker("stuck", "-c", "1", "-l", "INFO")
    worker.until_output("ready.", timeout=20)
    project.client("from stuck import stuck, told; stuck.apply_async(link_error=told.s())")
    worker.until_output("Hard time limit", timeout=10)
    assert worker.stop() == 0
    assert "was told of a hard limit has not ended" in worker.output()
    assert "was killed" not in worker.output()


def test_a_blocking_receiver_does_not_keep_a_terminated_task_from_being_settled(app: Umbel) -> None:
    """It is deaf, so the keeper settles it, and may not wait for what user code does with the news."""
    told: list[str] = []
    gate = threading.Lock()
    gate.acquire()
    result: Any = None

    def wait_for_the_state(request: Any, **_: Any) -> None:
        until(lambda: result.state == "REVOKED", timeout=5.0)
        told.append(request.id)

    @app.task
    def deaf() -> None:
        result.revoke(terminate=True)
        gate.acquire()

    result = deaf.delay()
    signals.task_revoked.connect(wait_for_the_state)
    try:
        with InProcessWorker(app, pool="thread", concurrency=1) as worker:
            worker.drain()
    finally:
        signals.task_revoked.disconnect(wait_for_the_state)
        gate.release()
    assert told == [result.id]


def test_a_hard_limit_whose_outcome_cannot_be_written_is_a_failure_all_the_same(app: Umbel) -> None:
    def broken(_run: object) -> Any:
        raise ValueError("cannot be built")

    result = app.task(hang).apply_async(time_limit=0.1)
    with InProcessWorker(app, pool="asyncio", concurrency=1) as worker:
        worker.child.life.desk.overdue = broken  # type: ignore[method-assign]
        worker.drain()
    assert result.state == "FAILURE"
    assert "cannot be built" in str(result.result)
