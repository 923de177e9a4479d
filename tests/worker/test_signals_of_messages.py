"""Signals about messages that do not run to their end, over the real loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from umbel import Umbel, signals
from umbel.exceptions import NotRegistered, Reject
from umbel.ids import new_id
from umbel.testing.clock import moved_clock
from umbel.testing.worker import InProcessWorker


@pytest.fixture
def app() -> Iterator[Umbel]:
    with Umbel("told", broker=f"memory://{new_id()}") as app:
        yield app


@pytest.fixture
def heard() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What was sent meanwhile: name and arguments."""
    found: list[tuple[str, dict[str, Any]]] = []
    receivers = {}
    for name in ("task_unknown", "task_received", "task_failure", "task_revoked"):

        def receive(signal: Any, **about: Any) -> None:
            found.append((signal.name, about))

        receivers[name] = receive
        getattr(signals, name).connect(receive)
    yield found
    for name, receiver in receivers.items():
        getattr(signals, name).disconnect(receiver)


def test_an_unknown_task_is_told_of_once_however_often_it_is_parked(app: Umbel, heard: Any) -> None:
    with InProcessWorker(app, pool="solo") as worker, moved_clock() as clock:
        app.send_task("nobody", (1,), task_id="an-id")
        for _ in range(3):
            worker.drain()
            clock.advance(60)
    [(name, about)] = heard
    assert (name, about["name"], about["id"]) == ("task_unknown", "nobody", "an-id")
    assert isinstance(about["exc"], NotRegistered)
    message = about["message"]
    assert (message.headers["task"], message.content_type) == ("nobody", "application/json")
    assert message.delivery_info["routing_key"] == "celery"
    assert (about["sender"].app, about["sender"].hostname) == (app, "test@localhost")


def test_what_is_received_has_the_names_of_celerys_request(app: Umbel, heard: Any) -> None:
    task = app.task(lambda x: x, name="mine")
    with InProcessWorker(app, pool="solo") as worker:
        result = task.delay(5)
        worker.drain()
    [(name, about)] = heard
    request = about["request"]
    assert (name, request.name, request.task_name, request.type) == ("task_received", "mine", "mine", "mine")
    assert (request.id, request.task_id, request.args, request.retries) == (result.id, result.id, [5], 0)
    assert (request.task, request.app) == (task, app)


def test_a_rejected_task_has_failed_and_one_that_goes_back_has_not(app: Umbel, heard: Any) -> None:
    tries: list[bool] = []

    @app.task(name="rejects")
    def rejects() -> None:
        tries.append(True)
        raise Reject("no use", requeue=len(tries) == 1)

    with InProcessWorker(app, pool="solo") as worker:
        rejects.delay()
        worker.drain()
    assert [name for name, _ in heard] == ["task_received", "task_received", "task_failure"]
    assert isinstance(heard[-1][1]["exception"], Reject)
    assert heard[-1][1]["sender"] is rejects


def test_an_expired_task_is_revoked_and_never_received(app: Umbel, heard: Any) -> None:
    task = app.task(lambda: None, name="late")
    with InProcessWorker(app, pool="solo") as worker, moved_clock() as clock:
        task.apply_async(expires=5)
        clock.advance(6)
        worker.drain()
    [(name, about)] = heard
    assert (name, about["expired"], about["terminated"], about["sender"]) == ("task_revoked", True, False, task)
