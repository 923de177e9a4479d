"""Broadcast: a queue for each worker, on RabbitMQ; and exchanges that only others declare."""

from __future__ import annotations

import pytest
from kombu import Connection, Exchange, Queue

from tests.support.broadcasts import Shop, each_worker_gets_it_once
from umbel import Umbel
from umbel.adapters.amqp.faults import Unroutable


@pytest.mark.timeout(180)  # Celery takes seconds to start
def test_a_broadcast_reaches_each_worker_of_both_kinds_once(project, url):
    assert "No queue at amqp://guest:**@" in each_worker_gets_it_once(Shop(project, url))


def test_a_message_goes_by_the_servers_bindings_and_not_by_ones_own(url):
    """Through an exchange that leads to another, one by headers that leads nowhere, and queues of other programs."""
    with Connection(url) as connection, Umbel("sender", broker=url, task_ignore_result=True) as app:
        channel = connection.channel()
        inner, outer = Exchange("inner", "topic", channel=channel), Exchange("outer", "fanout", channel=channel)
        queue = Queue("theirs", inner, "films.#", channel=channel)
        for entity in (inner, outer, queue):
            entity.declare()
        inner.bind_to("outer", "")
        Exchange("heads", "headers", channel=channel).declare()
        app.send_task("film", exchange="outer", routing_key="films.new")
        message = queue.get(no_ack=True)
        assert (message.headers["task"], message.delivery_info["exchange"]) == ("film", "outer")
        for exchange, key, told in (
            ("inner", "songs.new", "'inner' so that the key 'songs.new' fits"),
            ("heads", "any", "'heads' so that the key 'any' fits"),
            ("medai", "films.new", "has no exchange 'medai'"),
        ):
            with pytest.raises(Unroutable, match=told):
                app.send_task("film", exchange=exchange, routing_key=key)
        app.send_task("film", exchange="inner", routing_key="films.old")
        assert queue.get(no_ack=True).headers["task"] == "film"
