"""What the other tests of this folder expect of their server."""

from __future__ import annotations

import amqp
import pytest


def connected(url):
    place = url.removeprefix("amqp://guest:guest@")
    host, _, vhost = place.partition("/")
    connection = amqp.Connection(host, "guest", "guest", virtual_host=vhost or "/")
    connection.connect()
    return connection


def test_each_virtual_host_is_empty(rabbitmq):
    with connected(rabbitmq.vhost()) as one, connected(rabbitmq.vhost()) as other:
        one.channel().queue_declare("here", durable=True, auto_delete=False)
        with pytest.raises(amqp.NotFound):
            other.channel().queue_declare("here", passive=True)


def test_a_memory_alarm_blocks_publishers_for_its_time(rabbitmq):
    heard = []
    connection = amqp.Connection(
        f"127.0.0.1:{rabbitmq.port}",
        "guest",
        "guest",
        on_blocked=lambda _: heard.append("blocked"),
        on_unblocked=lambda: heard.append("free"),
    )
    with connection:
        connection.connect()
        with rabbitmq.memory_alarm():
            connection.channel().basic_publish(amqp.Message("x"), routing_key="nowhere")
            connection.drain_events(timeout=10)
            assert heard == ["blocked"]
        connection.drain_events(timeout=10)
    assert heard == ["blocked", "free"]


@pytest.mark.chaos
def test_what_is_durable_outlives_a_kill_on_the_same_port(own_rabbitmq):
    url = own_rabbitmq.url
    with connected(url) as connection:
        connection.channel().queue_declare("kept", durable=True, auto_delete=False)
    own_rabbitmq.kill()
    with pytest.raises(ConnectionRefusedError):
        connected(url)
    own_rabbitmq.start()
    assert own_rabbitmq.url == url
    with connected(url) as connection:
        assert connection.channel().queue_declare("kept", passive=True).queue == "kept"
    assert "kept" in own_rabbitmq.ctl("list_queues", "name")
