"""Events over RabbitMQ: as Celery's on the wire, and each side reads the other's."""

from __future__ import annotations

import json
from pathlib import Path

import pika
import pytest

from tests.support.servers import redis_server
from tests.support.shop import Shop
from tests.support.until import until
from tests.support.watching import call, check_that_celery_reads_umbel, check_that_umbel_reads_celery
from umbel.adapters.amqp.broker import open_broker
from umbel.testing.conformance.monitor import MonitorSuite

CELERYS = json.loads((Path(__file__).parent / "data" / "celery-events.json").read_text())


@pytest.fixture
def shop(project, url, tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("results")) as results:
        yield Shop(project, url, results.url)


class TestAmqpMonitor(MonitorSuite):
    @pytest.fixture
    def broker(self, url):
        return open_broker(url, {})


def test_celery_reads_an_umbel_worker(shop):
    check_that_celery_reads_umbel(shop)


def test_umbel_reads_a_celery_worker(shop):
    check_that_umbel_reads_celery(shop)


def test_what_a_worker_says_is_what_celerys_says(shop, url):
    """Properties, headers, routing key, and the fields of each type in their order, as pika reads them."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.exchange_declare("celeryev", "topic", durable=True)  # as Celery declares it: it must not be refused
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "celeryev", "#")
    worker = shop.umbel_worker("-E", "-n", "w1@%h")
    call(shop, "with_umbel")
    found: dict[str, dict] = {}

    def came() -> bool:
        method, told, body = channel.basic_get(queue, auto_ack=True)
        if method is not None:
            events = json.loads(body)
            for event in events if isinstance(events, list) else [events]:
                found.setdefault(event["type"], {
                    "properties": {
                        name: getattr(told, name)
                        for name in ("content_type", "content_encoding", "delivery_mode", "priority")
                    },
                    "headers": sorted(told.headers), "routing_key": method.routing_key,
                    "list": isinstance(events, list), "event": list(event),
                })  # fmt: skip
        return {"worker-online", "worker-heartbeat", "task-received", "task-started", "task-succeeded"} <= set(found)

    until(came, lambda: str(list(found)), timeout=30)
    connection.close()
    worker.stop()
    theirs = {
        kind: {**one, "headers": sorted(one["headers"]), "event": list(one["event"])} for kind, one in CELERYS.items()
    }
    assert {kind: one for kind, one in found.items() if kind in theirs} == {
        kind: one for kind, one in theirs.items() if kind in found
    }
