"""What a task says about its failures: `acks_on_failure`, `acks_on_timeout`, and the setting that speaks for both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from umbel import Umbel, clock
from umbel.broker import Death, Item, Owner, Want
from umbel.ids import new_id, nonce
from umbel.testing.worker import InProcessWorker


@pytest.fixture(params=["memory", "sqlite"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Umbel]:
    url = f"memory://{new_id()}" if request.param == "memory" else f"sqlite:///{tmp_path}/queue.db"
    with Umbel("acks", broker=url) as app:
        yield app


def run(app: Umbel, task: Any) -> tuple[str, list[Item]]:
    """State and dead letters after one run."""
    with InProcessWorker(app, pool="asyncio") as worker:
        result = task.delay()
        worker.drain()
        return result.state, list(app.broker.shelf().items("dead"))


def fail() -> None:
    raise KeyError("gone")


async def hang() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("setting", ["task_acks_on_failure", "task_acks_on_failure_or_timeout"])
def test_a_failure_that_is_not_acknowledged_is_set_aside_beside_its_result(app: Umbel, setting: str) -> None:
    app.conf[setting] = False
    state, [dead] = run(app, app.task(fail))
    assert (state, dead.reason) == ("FAILURE", "it failed with KeyError, and acks_on_failure is off")
    assert 'raise KeyError("gone")' in dead.detail


def test_the_task_itself_has_the_last_word(app: Umbel) -> None:
    app.conf.task_acks_on_failure = False
    assert run(app, app.task(acks_on_failure=True)(fail)) == ("FAILURE", [])
    app.conf.task_acks_on_failure = True
    assert len(run(app, app.task(name="other", acks_on_failure=False)(fail))[1]) == 1


def test_a_failure_is_gone_by_default_and_when_it_was_acknowledged_early(app: Umbel) -> None:
    assert run(app, app.task(fail)) == ("FAILURE", [])
    early = app.task(name="early", acks_late=False, acks_on_failure=False)(fail)
    assert run(app, early) == ("FAILURE", [])


def test_a_time_limit_that_is_not_acknowledged_is_set_aside_beside_its_result(app: Umbel) -> None:
    state, [dead] = run(app, app.task(time_limit=0.1, acks_on_timeout=False)(hang))
    assert (state, dead.reason) == ("FAILURE", "it ran past its hard time limit, and acks_on_timeout is off")


def test_failures_and_time_limits_are_told_apart(app: Umbel) -> None:
    assert run(app, app.task(acks_on_timeout=False)(fail)) == ("FAILURE", [])
    assert run(app, app.task(time_limit=0.1, acks_on_failure=False)(hang)) == ("FAILURE", [])


def test_nor_is_one_whose_process_had_to_be_killed_past_its_limit(app: Umbel) -> None:
    task = app.task(acks_on_timeout=False)(fail)
    result = task.delay()
    owner = Owner(nonce(), "w@here", 1, "child", clock.wall(), {})
    owners = app.broker.owners()
    owners.enlist(owner)
    consumer = app.broker.consumer(owner)
    [delivery] = consumer.turn([], Want(("celery",), 1)).deliveries
    consumer.close()
    owners.rescue([Death(owner.nonce, (delivery.tag,), "killed", {delivery.tag: "TimeLimitExceeded:3.0"}, False)])
    owners.close()
    with InProcessWorker(app, pool="asyncio") as worker:
        worker.drain()
    [dead] = app.broker.shelf().items("dead")
    assert (result.state, dead.reason) == ("FAILURE", "it ran past its hard time limit, and acks_on_timeout is off")
