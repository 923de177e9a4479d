"""Sending to a real RabbitMQ: each message is confirmed, or the caller is told within the deadline."""

from __future__ import annotations

import json
import os
import signal
import threading
from functools import partial

import pytest
from kombu import Connection

from tests.amqp.cut import cut
from tests.support.until import until
from umbel import clock
from umbel.adapters.amqp import envelope, publisher
from umbel.adapters.amqp.address import Address
from umbel.adapters.amqp.faults import Blocked, Unanswered, Unroutable
from umbel.adapters.amqp.link import Link
from umbel.adapters.amqp.plan import Plan
from umbel.adapters.amqp.publisher import AmqpPublisher
from umbel.adapters.amqp.topology import Topology
from umbel.exceptions import EncodeError, OperationalError, PublishTimeout, QueueFull, StoreFull
from umbel.message import Parcel


def opened(url, **options):
    link = Link(Address.parse(url, options), "test")
    return AmqpPublisher(link, Topology(link, Plan.of({"queue_type": "classic"})))


@pytest.fixture
def sender(url):
    sender = opened(url)
    yield sender
    sender.close()


@pytest.fixture
def channel(url):
    with Connection(url) as connection:
        yield connection.channel()


def parcel(ident, queue="q", **fields):
    head = {
        "headers": {"task": "t", "id": ident},
        "properties": {"correlation_id": ident, "delivery_mode": 2},
        "content-type": "application/json",
        "content-encoding": "utf-8",
    }
    fields = {"body": b"[]", **fields}
    return Parcel(queue, ident, "t", json.dumps(head).encode(), **fields)


def taken(channel, queue="q"):
    """Everything in a queue."""
    found = []
    while (message := channel.basic_get(queue, no_ack=True)) is not None:
        found.append(message)
    return found


def idents(messages):
    return [message.properties["correlation_id"] for message in messages]


def test_messages_are_there_when_the_call_returns(sender, channel):
    sender.publish([parcel(str(number)) for number in range(50)])
    assert idents(taken(channel)) == [str(number) for number in range(50)]


def test_more_messages_than_a_window(sender, channel):
    count = publisher.WINDOW * 2 + 7
    sender.publish([parcel(str(number), queue=f"q{number % 3}") for number in range(count)], deadline=60)
    assert sum(len(taken(channel, f"q{number}")) for number in range(3)) == count
    assert sender._pending == {}


def test_a_connection_that_breaks_before_the_last_question_answers_all_the_same(sender, channel, monkeypatch):
    """The question where a message goes opens another one, which answers for nothing until it is told to."""
    sender.publish([parcel("a")])
    ensure, cuts = sender._topology.ensure, []

    def cutting(queue, until):
        if len(cuts) < 2:
            cuts.append(queue)
            sender._link.drop("cut")
            sender._link.channel(until)
        ensure(queue, until)

    monkeypatch.setattr(sender._topology, "ensure", cutting)
    sender.publish([parcel("b", queue="q2")], deadline=8)
    assert (idents(taken(channel, "q2")), len(cuts)) == (["b"], 2)
    with pytest.raises(Unroutable):
        sender.publish([parcel("c", queue="q3", exchange="amq.direct", routing_key="nowhere")])


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_000])
def test_a_body_of_any_size(sender, channel, size):
    body = b"\xff" * size
    sender.publish([parcel("a", body=body), parcel("b")])
    found = taken(channel)
    assert bytes(found[0].body or b"") == body
    assert idents(found) == ["a", "b"]


def test_priorities_are_higher_first(sender, channel):
    channel.queue_declare("ranked", durable=True, auto_delete=False, arguments={"x-max-priority": 9})
    sender.publish([parcel(str(rank), "ranked", priority=rank) for rank in (0, 9, 5)])
    assert idents(taken(channel, "ranked")) == ["9", "5", "0"]


def test_a_delayed_message_comes_when_it_is_due(sender, channel):
    due = clock.wall() + 2.5
    sender.publish([parcel("later", due=due), parcel("now"), parcel("soon", due=clock.wall() + 0.5)])
    assert idents(taken(channel)) == ["now", "soon"]
    (found,) = until(lambda: taken(channel))
    assert due - 1.2 < clock.wall() < due + 5  # the part of a second that is left is the consumer's
    assert found.headers[envelope.DUE] == due
    assert found.delivery_info["routing_key"].endswith(".0.0.1.0.q")


def test_a_delayed_message_needs_no_queue_that_exists(sender, channel):
    sender.publish([parcel("later", "unheard of", due=clock.wall() + 1.2)])
    assert until(partial(taken, channel, "unheard of"))


def test_a_deleted_queue_is_made_again(sender, channel):
    sender.publish([parcel("a")])
    channel.queue_delete("q")
    sender.publish([parcel("b"), parcel("other", "p"), parcel("c")])
    assert idents(taken(channel)) == ["b", "c"]
    assert idents(taken(channel, "p")) == ["other"]


def test_what_no_queue_takes_is_an_error(sender, channel, monkeypatch):
    monkeypatch.setattr(sender._topology, "ensure", lambda *_: None)
    with pytest.raises(Unroutable, match="'q'"):
        sender.publish([parcel("a"), parcel("b")])
    channel.queue_declare("q", durable=True, auto_delete=False)
    sender.publish([parcel("c")])
    assert idents(taken(channel)) == ["c"]


def test_a_queue_that_refuses_is_full(sender, channel):
    channel.queue_declare(
        "q", durable=True, auto_delete=False, arguments={"x-max-length": 2, "x-overflow": "reject-publish"}
    )
    with pytest.raises(QueueFull, match="x-max-length"):
        sender.publish([parcel(str(number)) for number in range(3)])
    parcels = [parcel("x"), parcel("y"), parcel("z")]
    taken(channel)
    with pytest.raises(QueueFull):
        sender.publish(parcels)
    assert idents(taken(channel)) == ["x", "y"]
    sender.publish(parcels)  # repeated: only what was refused
    assert idents(taken(channel)) == ["z"]


def test_a_limit_holds_before_anything_is_sent(sender, channel):
    sender.publish([parcel("a")], limits={"q": 1})
    with pytest.raises(QueueFull, match="holds 1 messages"):
        sender.publish([parcel("b"), parcel("c", "p")], limits={"q": 1, "p": 9})
    assert idents(taken(channel)) == ["a"]
    assert Topology(sender._link, Plan()).size("p", sender._link.until()) is None


def test_a_header_that_amqp_cannot_carry_takes_the_whole_call_with_it(sender, channel):
    with pytest.raises(EncodeError):
        sender.publish([parcel("a"), parcel("x" * 256)])
    sender.publish([parcel("b")])
    assert idents(taken(channel)) == ["b"]


def test_a_lost_connection_between_two_calls_is_no_news(sender, channel):
    sender.publish([parcel("a")])
    cut(sender._link)
    sender.publish([parcel("b")])
    assert idents(taken(channel)) == ["a", "b"]


def test_what_is_repeated_after_a_lost_answer_is_marked(sender, channel, monkeypatch):
    """The server has the first one, and its confirmation never came."""
    sender.publish([parcel("before")])
    parcels = [parcel("a"), parcel("b")]
    link, drive = sender._link, sender._link.drive

    def drive_and_break(done, moment, wake=-1, **options):
        link._connection._flush()  # out it goes, and nothing is read any more
        link.drop("a test")
        return drive(lambda: False, moment, wake, **options)

    monkeypatch.setattr(link, "drive", drive_and_break)
    with pytest.raises(Unanswered, match="whether it was done is not known") as caught:
        sender.publish(parcels)
    assert isinstance(caught.value, PublishTimeout)
    monkeypatch.undo()
    sender.publish(parcels)
    sender.publish([parcel("after")])
    found = []
    until(lambda: more(channel, found))
    marked = [message.properties["correlation_id"] for message in found if envelope.AGAIN in message.headers]
    assert marked == ["a", "b"]
    assert set(idents(found)) == {"before", "a", "b", "after"}
    assert len(found) <= 6


def more(channel, found):
    found += taken(channel)
    return "after" in idents(found)


def test_what_is_confirmed_late_is_not_sent_again(sender, channel, monkeypatch):
    """The deadline passed on a connection that lives: a repeated call waits for the old confirmations."""
    sender.publish([parcel("before")])
    parcels = [parcel("a"), parcel("b")]
    monkeypatch.setattr(sender, "_wait", refuse)
    with pytest.raises(Unanswered):
        sender.publish(parcels)
    monkeypatch.undo()
    sender.publish(parcels)
    assert idents(taken(channel)) == ["before", "a", "b"]


def refuse(*_):
    raise Unanswered("a test")


@pytest.mark.chaos
def test_a_memory_alarm_is_told_within_the_deadline(own_rabbitmq):
    sender = opened(own_rabbitmq.url)
    sender.publish([parcel("before")])
    parcels = [parcel("a")]
    with own_rabbitmq.memory_alarm():
        before = clock.monotonic()
        with pytest.raises(Blocked, match="memory") as caught:
            sender.publish(parcels, deadline=1)
        assert 0.9 < clock.monotonic() - before < 5
        assert isinstance(caught.value, StoreFull)
        with pytest.raises(Blocked):
            sender.publish([parcel("never")], deadline=0.2)  # it is known by now: nothing is sent
    sender.publish([parcel("after")], deadline=20)
    with Connection(own_rabbitmq.url) as connection:
        assert idents(taken(connection.channel())) == ["before", "a", "after"]
    sender.close()


@pytest.mark.chaos
def test_a_stopped_server_is_told_within_the_deadline(own_rabbitmq):
    """Row 7 of tests/pains."""
    sender = opened(own_rabbitmq.url, heartbeat=1)
    sender.publish([parcel("before")])
    os.kill(own_rabbitmq.pid, signal.SIGSTOP)
    try:
        before = clock.monotonic()
        with pytest.raises(OperationalError):
            sender.publish([parcel("a")], deadline=0.5)
        assert clock.monotonic() - before < 3
    finally:
        os.kill(own_rabbitmq.pid, signal.SIGCONT)
    sender.publish([parcel("after")], deadline=20)
    with Connection(own_rabbitmq.url) as connection:
        assert set(idents(taken(connection.channel()))) >= {"before", "after"}
    sender.close()


def test_two_threads_that_share_one_publisher_lose_nothing(sender, channel):
    def send(name):
        for number in range(20):
            sender.publish([parcel(f"{name}{number}")])

    threads = [threading.Thread(target=send, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(idents(taken(channel)))) == 60
