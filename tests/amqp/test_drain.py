"""`umbel drain` into RabbitMQ, where nothing tells a repeated message from a new one, and out of it again."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import closing

import pytest

from tests.support.shop import Shop
from tests.support.until import until
from umbel import clock, drain
from umbel.adapters.amqp.broker import open_broker
from umbel.adapters.sqlite import open_broker as open_sqlite
from umbel.broker import Owner, Want
from umbel.drain import Drain
from umbel.message import Parcel
from umbel.outcome import Done

HELD = """
    import pathlib, time
    from umbel import Umbel

    app = Umbel("held", broker={url!r})

    @app.task(name="held.hold")
    def hold(path):
        pathlib.Path(path).touch()
        time.sleep(60)
"""


def parcel(task_id, due=0.0):
    headers = {"lang": "py", "task": "t", "id": task_id, "eta": None, "retries": 0}
    properties = {"correlation_id": task_id, "delivery_info": {"exchange": "", "routing_key": "q"}, "priority": 0}
    head = {"headers": headers, "properties": properties, "content-type": "application/json",
            "content-encoding": "utf-8"}  # fmt: skip
    return Parcel("q", task_id, "t", json.dumps(head).encode(), b"[[], {}, {}]", 0, due)


def test_waiting_and_delayed_work_moves_and_is_taken_there(url, tmp_path, monkeypatch):
    monkeypatch.setattr(drain, "SOON", 1.0)  # what is delayed for longer moves as a delayed message
    old, new = open_sqlite(f"sqlite:///{tmp_path}/old.db", {}), open_broker(url, {})
    with closing(old.publisher()) as publisher:
        publisher.publish([*map(parcel, "abc"), parcel("later", clock.wall() + 4)])
    with closing(Drain(old)) as work:
        done = work.elsewhere(new)
    assert done.moved.total() == 4
    with closing(old.shelf()) as shelf:
        assert shelf.counts() == []
    owner = Owner(7, "w@here", os.getpid(), "child", time.time())
    with closing(new.owners()) as owners, closing(new.consumer(owner)) as consumer:
        owners.enlist(owner)
        taken = []

        def all_taken():
            found = consumer.turn([], Want(("q",), 10)).deliveries
            consumer.turn([Done(delivery) for delivery in found], None)
            taken.extend(json.loads(delivery.head)["headers"]["id"] for delivery in found)
            return len(taken) == 4

        until(all_taken, lambda: str(taken), timeout=40)
        assert taken == ["a", "b", "c", "later"]
        owners.retire(owner.nonce)


@pytest.mark.long
def test_back_to_celery_on_the_same_server(project, url):
    """What a killed worker left is waited for; then Celery finishes all of it, also what is delayed."""
    shop = Shop(project, url, f"db+sqlite:///{project.folder}/results.db")
    ran = project.folder / "ran"
    project.write("held.py", HELD.format(url=url))
    worker = project.forked_worker("held", "-l", "info", "-c", "1")
    worker.until_output("ready.", timeout=60)
    project.client("from held import app; app.send_task('held.hold', ('pids',))")
    until((project.folder / "pids").exists, worker.output, timeout=60)
    project.client(
        f"""
        from with_umbel import note
        for number in range(20):
            note.apply_async(({str(ran)!r}, number), countdown=6 if number % 2 else None)
        """
    )
    worker.send_group(signal.SIGKILL)
    done = project.umbel("-A", "held", "drain", timeout=60)
    assert (done.returncode, done.stderr.strip()) == (0, "Nothing to move."), done
    celery = shop.celery_worker()
    until(lambda: len(ran.read_text().splitlines() if ran.exists() else []) == 20, celery.output, timeout=60)
    assert {line.split()[1] for line in ran.read_text().splitlines()} == {"celery"}


def test_what_is_delayed_on_rabbitmq_is_counted_and_stays(url, tmp_path):
    old, new = open_broker(url, {"queues": {"q": {}}}), open_sqlite(f"sqlite:///{tmp_path}/new.db", {})
    with closing(old.publisher()) as publisher:
        publisher.publish([*map(parcel, "abc"), parcel("later", clock.wall() + 600)])
    with closing(Drain(old)) as work:
        done = work.elsewhere(new)
    assert (done.moved.total(), done.delayed) == (3, 1)
    with closing(new.shelf()) as shelf:
        assert [(count.queue, count.ready) for count in shelf.counts()] == [("q", 3)]
