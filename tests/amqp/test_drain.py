"""`umbel drain` out of a SQLite file into RabbitMQ, where nothing tells a repeated message from a new one."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing

import pytest

from tests.support.until import until
from umbel import clock, drain
from umbel.adapters.amqp.broker import open_broker
from umbel.adapters.sqlite import open_broker as open_sqlite
from umbel.broker import Owner, Want
from umbel.drain import Drain
from umbel.exceptions import ImproperlyConfigured
from umbel.message import Parcel
from umbel.outcome import Done


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


def test_there_is_nothing_to_turn_into_celery_s_messages(url):
    with closing(Drain(open_broker(url, {}))) as work, pytest.raises(ImproperlyConfigured, match="that already"):
        work.to_celery()
