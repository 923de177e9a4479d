"""Broadcast: a queue for each worker, on Redis."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.support.broadcasts import Shop, each_worker_gets_it_once
from tests.support.until import until
from umbel import Umbel, chord
from umbel.broker import Owner
from umbel.routing import Broadcast, Queue
from umbel.testing.worker import InProcessWorker


@pytest.mark.timeout(180)  # Celery takes seconds to start
def test_a_broadcast_reaches_each_worker_of_both_kinds_once(project, url):
    assert "No worker listens to the broadcast" in each_worker_gets_it_once(Shop(project, url))


def test_what_a_worker_has_not_run_of_it_goes_with_the_worker(url, link):
    """Nobody else reads that list; what is in the queues of all stays."""
    with Umbel("shop", broker=url, task_queues=[Queue("celery"), Broadcast("news")], task_ignore_result=True) as app:
        (name,) = set(app.declared.names) - {"celery"}
        with closing(app.broker.owners()) as owners, closing(app.broker.control()) as control:
            owner = Owner(1, "w@here", 1, "supervisor", 0.0, {"queues": ["celery", name]})
            owners.enlist(owner)
            control.broadcasts(0, 0.01)  # from now on it listens
            app.send_task("note", queue="news")
            app.send_task("note")
            until(lambda: control.broadcasts(0, 0.1) or link.call("LLEN", name) == 1)
            owners.retire(1)
        assert (link.call("LLEN", name), link.call("LLEN", "celery")) == (0, 1)


@pytest.mark.parametrize("results", ["", "?global_keyprefix=other"])
def test_the_body_of_a_chord_reaches_those_who_listen(url, link, results):
    """Whether the step that notes the last member sends it, or whoever takes it out of an outbox."""
    queues = [Queue("celery"), Broadcast("news")]
    with Umbel("shop", broker=url, backend=url + results, task_queues=queues) as app:
        app.task(name="same")(lambda value: value)
        (name,) = set(app.declared.names) - {"celery"}
        with closing(app.broker.owners()) as owners, closing(app.broker.control()) as control:
            owners.enlist(Owner(1, "w@here", 1, "supervisor", 0.0, {"queues": ["celery", name]}))
            control.broadcasts(0, 0.01)
            with InProcessWorker(app, queues=("celery",)) as worker:
                chord([app.tasks["same"].s(1)], app.signature("note").set(queue="news")).delay()
                worker.drain()
            until(lambda: control.broadcasts(0, 0.1) or link.call("LLEN", name) == 1)
            owners.retire(1)
        with closing(app.broker.shelf()) as shelf:
            assert shelf.counts() == []
