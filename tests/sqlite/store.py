"""A store in a test's folder, and short words for what tests do with it."""

from __future__ import annotations

import os
import time
from itertools import count
from urllib.parse import quote

from tests.sqlite.invariant import faults
from umbel import ids
from umbel.adapters.sqlite import open_backend, open_broker
from umbel.broker import Owner, Want
from umbel.message import Parcel
from umbel.outcome import Done
from umbel.record import Record

_numbers = count()


def parcel(task_id="", *, queue="q", body=b"[[],{},{}]", **fields):
    return Parcel(queue, task_id or f"id-{next(_numbers)}", "tasks.add", b'{"headers":{}}', body, **fields)


def record(task_id, status="SUCCESS", expires=0.0, document=b"{}"):
    return Record(task_id, status, document, expires)


def done(delivery, task_id=None):
    return Done(delivery, record(task_id or f"of-{delivery.tag}"))


class Worker:
    """An owner of this process, and its consumer."""

    def __init__(self, store):
        self.owner = Owner(ids.nonce(), "w@test", os.getpid(), "child", time.time())
        self.owners = store.owners()
        self.owners.enlist(self.owner)
        self.consumer = store.open(store.broker.consumer(self.owner))

    def turn(self, *outcomes, limit=100, queues=("q",)):
        return self.consumer.turn(outcomes, Want(queues, limit))

    def claim(self, limit=100, queues=("q",)):
        return self.turn(limit=limit, queues=queues).deliveries

    def settle(self, *outcomes):
        return self.consumer.turn(outcomes, None).fenced


class Store:
    """One file; every part is closed with it, and the file is checked then."""

    def __init__(self, folder, query="", **options):
        self.path = folder / "store.db"
        self.url = f"sqlite:///{quote(str(self.path))}{query}"
        self.options = options
        self.broker = open_broker(self.url, options)
        self._parts = []

    def open(self, part):
        self._parts.append(part)
        return part

    def publisher(self):
        return self.open(self.broker.publisher())

    def owners(self):
        return self.open(self.broker.owners())

    def control(self):
        return self.open(self.broker.control())

    def shelf(self):
        return self.open(self.broker.shelf())

    def backend(self):
        return self.open(open_backend(self.url, self.options))

    def worker(self):
        return Worker(self)

    def publish(self, *parcels):
        part = self.broker.publisher()
        part.publish(parcels)
        part.close()

    def sizes(self, queue="q"):
        """(ready, delayed, leased, dead) of one queue."""
        shelf = self.broker.shelf()
        for size in shelf.counts():
            if size.queue == queue:
                shelf.close()
                return (size.ready, size.delayed, size.leased, size.dead)
        shelf.close()
        return (0, 0, 0, 0)

    def faults(self):
        return faults(self.path)

    def close(self):
        for part in self._parts:
            part.close()
        self._parts = []
