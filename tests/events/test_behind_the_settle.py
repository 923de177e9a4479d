"""What became of a task is told when it is durable, and never when it is not."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace

import pytest

from tests.support.until import until
from umbel import Umbel, ids
from umbel.broker import Want
from umbel.exceptions import Reject, StoreUnavailable
from umbel.testing.worker import InProcessWorker


@pytest.fixture
def app():
    with Umbel("watched", broker=f"memory://{ids.new_id()}") as app:
        yield app
        app.events.close()


@pytest.fixture
def tasks(app):
    @app.task
    def add(x, y):
        return x + y

    @app.task(send_events=False)
    def quiet():
        return None

    @app.task(redact=True)
    def secret(word):
        raise LookupError(word)

    @app.task
    def refuse():
        raise Reject("not mine", requeue=False)

    @app.task(bind=True)
    def progress(self):
        self.send_event("task-progress", percent=50)

    return SimpleNamespace(progress=progress, add=add, quiet=quiet, secret=secret, refuse=refuse)


@pytest.fixture
def heard(app):
    """Types of the events of tasks so far, and the events."""
    monitor = app.events.monitor()
    monitor.listen("task.#")
    found = []

    def look():
        for news in monitor.hear(0.0):
            found.extend(app_events(news))
        return [event["type"] for event in found]

    look.events = found
    yield look
    monitor.close()


def app_events(news):
    body = json.loads(news.body)
    return body if isinstance(body, list) else [body]


@pytest.fixture
def worker(app):
    with InProcessWorker(app) as worker:
        worker.child.life.desk.reporter.on = True
        yield worker


WHOLE = ["task-received", "task-started", "task-succeeded"]


def test_a_task_that_succeeds(worker, tasks, heard):
    tasks.add.delay(2, 3)
    worker.drain()
    until(lambda: heard() == WHOLE, lambda: f"something else than {heard()}")
    assert heard.events[-1]["result"] == "5"


def test_nothing_of_an_outcome_while_the_store_does_not_take_it(worker, tasks, heard, monkeypatch):
    consumer = worker.child.settler.consumer
    turn, refused = consumer.turn, []

    def failing(outcomes, want):
        if outcomes and len(refused) < 3:
            refused.append(outcomes)
            until(lambda: heard() == WHOLE[:2], lambda: f"something else than {heard()}")  # all that may be said by now
            raise StoreUnavailable("away")
        return turn(outcomes, want)

    monkeypatch.setattr(consumer, "turn", failing)
    result = tasks.add.delay(2, 3)
    worker.drain()
    assert len(refused) == 3
    assert result.get(timeout=5) == 5
    until(lambda: heard() == WHOLE, lambda: f"something else than {heard()}")


def test_nothing_of_an_outcome_that_was_fenced(worker, app, tasks, heard):
    consumer = worker.child.settler.consumer
    turn = consumer.turn

    def lost(outcomes, want):
        for outcome in outcomes:
            shelf = app.broker.shelf()
            shelf.delete("leased", [outcome.delivery.tag])  # somebody else took it away meanwhile
            shelf.close()
        return turn(outcomes, want)

    consumer.turn = lost
    tasks.add.delay(2, 3)
    worker.drain()
    consumer.turn = turn
    tasks.add.delay(4, 4)
    worker.drain()
    until(lambda: heard() == [*WHOLE[:2], *WHOLE], lambda: f"something else than {heard()}")
    assert worker.child.life.desk.reporter.waiting == {}


def test_a_message_that_found_no_free_slot_is_received_once(worker, app, tasks, heard):
    gate = threading.Event()

    @app.task
    def wait():
        return gate.wait(20)

    child = worker.child
    for task, arguments in ((wait, ()), (tasks.add, (1, 1))):
        task.delay(*arguments)
        child._work(child.settler.turn((), Want(("celery",), 1)))
    assert len(child.outcomes) == 1  # the second one, given back
    gate.set()
    worker.drain()
    until(lambda: sorted(heard()) == sorted(2 * WHOLE), lambda: f"something else than {heard()}")


def test_a_task_that_wants_no_events(worker, tasks, heard):
    tasks.quiet.delay()
    tasks.add.delay(1, 1)
    worker.drain()
    until(lambda: heard() == WHOLE, lambda: f"something else than {heard()}")


def test_what_is_secret_is_not_told(worker, tasks, heard):
    tasks.secret.delay("hunter2")
    worker.drain()
    until(lambda: heard()[-1:] == ["task-failed"], lambda: f"something else than {heard()}")
    assert heard.events[-1]["exception"] == "LookupError"
    assert "hunter2" not in str(heard.events)


def test_a_task_that_refuses_its_message(worker, tasks, heard):
    tasks.refuse.delay()
    worker.drain()
    until(lambda: heard() == ["task-received", "task-started", "task-failed"], lambda: f"something else than {heard()}")
    assert heard.events[-1]["exception"] == "reject requeue=False: not mine"


def test_a_task_that_is_sent(worker, app, tasks, heard):
    app.conf.task_send_sent_event = True
    result = tasks.add.apply_async((2, 3), queue="celery")
    worker.drain()
    until(lambda: sorted(heard()) == sorted(["task-sent", *WHOLE]))
    sent = next(event for event in heard.events if event["type"] == "task-sent")
    assert (sent["uuid"], sent["name"], sent["args"], sent["queue"]) == (result.id, tasks.add.name, "(2, 3)", "celery")


def test_what_a_running_task_says_itself(worker, tasks, heard):
    """Beside what is said of it, and also where nobody wants that."""
    worker.child.life.desk.reporter.on = False
    result = tasks.progress.delay()
    worker.drain()
    until(lambda: heard() == ["task-progress"], lambda: f"something else than {heard()}")
    event = heard.events[0]
    assert (event["uuid"], event["percent"], event["hostname"]) == (result.id, 50, "test@localhost")
