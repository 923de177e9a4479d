"""Delays, give-backs, dead letters and requests over a real server, in its own time."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgspec
from kombu import Connection

from tests.support.until import until
from umbel.broker import Death, Owner, Revocation, Want
from umbel.exceptions import StoreAway
from umbel.ids import nonce
from umbel.message import Parcel
from umbel.outcome import Bury, Done, Park

WANT = Want(("q",), 1)


def worker(lab):
    owner = Owner(nonce(), "worker@suite", 1, "child", time.time())
    lab.enlist(owner)
    return lab.broker().consumer(owner)


def taken(consumer, timeout=30.0):
    """The next message, which is on its way."""

    def claim():
        consumer.wait(("q",), 0.5, -1)
        return consumer.turn([], WANT).deliveries

    (delivery,) = until(claim, timeout=timeout)
    return delivery


def parcel(name, **fields):
    return Parcel("q", name, "task", b'{"headers":{}}', name.encode(), **fields)


def test_who_could_settle_and_not_claim_looks_again_at_once(lab, publisher, monkeypatch):
    """What is settled must not be told again, and an idle worker would sleep on beside its messages."""
    publisher.publish([parcel("one")])
    consumer = worker(lab)
    delivery = taken(consumer)

    def broken(*_):
        raise StoreAway("the connection broke between the two")

    with monkeypatch.context() as patch:
        patch.setattr(consumer._session._intake, "claim", broken)
        found = consumer.turn([Done(delivery)], WANT)
    assert (found.deliveries, found.fenced, found.waiting) == ([], [], [])
    assert 0 < found.next_due <= time.time()
    assert consumer.turn([], WANT).next_due == 0.0


def test_a_delayed_message_comes_when_it_is_due_and_not_before(lab, publisher):
    due = time.time() + 2.5
    publisher.publish([parcel("late", due=due)])
    consumer = worker(lab)
    assert consumer.turn([], WANT).deliveries == []
    assert taken(consumer).body == b"late"
    assert time.time() >= due


def test_what_a_reported_death_has_lost_does_not_wait_out_the_pause(lab, publisher):
    """Neither for the next one, nor when that one dies of it as well; and each death counts."""
    lab.options["redelivery_pause"] = 3600.0
    publisher.publish([parcel("urgent", priority=9)])
    for deaths in range(3):
        owner = Owner(nonce(), "worker@suite", 1, "child", time.time())
        lab.enlist(owner)
        delivery = taken(lab.broker().consumer(owner))
        assert (delivery.body, delivery.deaths, delivery.redelivered) == (b"urgent", deaths, deaths > 0)
        with closing(lab.broker().owners()) as owners:
            owners.rescue([Death(owner.nonce, (delivery.tag,), "killed by SIGKILL")])
        lab.kill(owner)


def test_a_parked_message_comes_back_and_tells_since_when(lab, publisher):
    publisher.publish([parcel("unknown")])
    consumer = worker(lab)
    first = time.time()
    delivery = taken(consumer)
    for _ in range(2):
        due = time.time() + 1.2
        assert consumer.turn([Park(delivery, due=due)], None).fenced == []
        delivery = taken(consumer)
        assert time.time() >= due
        assert first - 1 <= delivery.parked <= first + 10


def test_celerys_message_with_an_eta_leaves_the_queue_until_then(lab, publisher):
    """On first sight: it holds no delivery, and needs no worker to wait."""
    eta = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    headers = {"lang": "py", "task": "task", "id": "with-eta", "eta": eta}
    head = {"headers": headers, "properties": {}, "content-type": "application/json", "content-encoding": "utf-8"}
    publisher.publish([Parcel("q", "with-eta", "task", msgspec.json.encode(head), b"[]")])
    with closing(lab.broker().shelf()) as shelf:
        assert [count.ready for count in shelf.counts()] == [1]
        consumer = worker(lab)
        assert consumer.turn([], WANT).deliveries == []
        assert shelf.counts() == []
        lab.kill(Owner(next(iter(lab._owners)), "", 0, "child", 0.0))
        assert taken(worker(lab)).redelivered is False


def test_what_was_pushed_to_a_child_that_is_busy_goes_to_another(lab, publisher):
    """Within seconds, and as if nobody had seen it."""
    busy, idle = worker(lab), worker(lab)
    publisher.publish([parcel("long")])
    assert taken(busy).body == b"long"
    busy.wait(("q",), 0.1, -1)  # as when it comes to its keeper: the server pushes to it from here on
    publisher.publish([parcel("next")])
    found = taken(idle)
    assert (found.body, found.redelivered, found.deaths) == (b"next", False, 0)


def test_a_dead_letter_is_listed_replayed_and_removed(lab, publisher):
    publisher.publish([parcel("a", priority=4), parcel("b")])
    consumer = worker(lab)
    for _ in "ab":
        delivery = taken(consumer)
        assert consumer.turn([Bury(delivery, reason="poison", detail="x" * 100_000)], None).fenced == []
    with closing(lab.broker().shelf()) as shelf:
        items = shelf.items("dead")
        assert [(item.parcel.id, item.parcel.priority, item.reason) for item in items] == [
            ("a", 4, "poison"), ("b", 0, "poison"),
        ]  # fmt: skip
        assert shelf.replay([items[0].tag], body=b"corrected") == 1
        again = taken(consumer)
        assert (again.body, again.priority, again.deaths, again.alone, again.redelivered) == (
            b"corrected", 4, 0, False, False,
        )  # fmt: skip
        assert shelf.delete("dead", [item.tag for item in items]) == 1
        assert shelf.items("dead") == []


def test_a_request_reaches_those_who_listen_and_comes_back_to_the_one_who_asked(lab):
    with closing(lab.broker().control()) as asks, closing(lab.broker().control()) as hears:
        assert hears.broadcasts(0, 0.0) == []
        asks.broadcast(b'{"method":"ping","ticket":"t"}', time.time() + 60)
        (heard,) = until(lambda: hears.broadcasts(0, 1.0), timeout=30)
        assert msgspec.json.decode(heard.payload)["method"] == "ping"
        hears.reply("t", b"pong", time.time() + 60)
        assert until(lambda: asks.replies("t", 1.0), timeout=30) == [b"pong"]


def test_an_old_request_is_not_obeyed(lab):
    with closing(lab.broker().control()) as asks, closing(lab.broker().control()) as hears:
        hears.broadcasts(0, 0.0)
        asks.broadcast(b'{"method":"old"}', time.time() - 1)
        asks.broadcast(b'{"method":"new"}', time.time() + 60)
        (heard,) = until(lambda: hears.broadcasts(0, 1.0), timeout=30)
        assert b"new" in heard.payload


def test_a_worker_learns_of_a_revocation_while_it_is_connected(lab):
    consumer = worker(lab)
    before = consumer.turn([], None).revision
    with closing(lab.broker().control()) as control:
        assert control.revoke([Revocation("a")]) == []
        assert until(lambda: consumer.turn([], None).revision > before, timeout=30)


def test_an_outcome_counts_over_a_lost_connection_until_somebody_took_the_message(lab, rabbitmq, publisher):
    """The server ends every connection; the owner comes back at once, and its copy is dropped."""
    publisher.publish([parcel("kept")])
    consumer = worker(lab)
    delivery = taken(consumer)
    rabbitmq.ctl("close_all_connections", "for a test")
    other = worker(lab)
    assert until(lambda: consumer.check([Done(delivery)]), timeout=30) == [True]
    assert consumer.turn([Done(delivery)], None).fenced == []
    other.wait(("q",), 1.0, -1)
    publisher.publish([parcel("next")])
    assert taken(other).body == b"next"


def test_what_a_loss_needs_is_there_before_it(lab):
    """RabbitMQ 3.10 never finds a quorum queue again that it made within the second before it was killed."""
    lab.enlist(Owner(nonce(), "worker@suite", 1, "supervisor", time.time()))
    with Connection(lab.url) as connection:
        for milliseconds in (100, 1000, 5000):
            name = f"umbel.pause.{milliseconds}"
            assert connection.channel().queue_declare(name, passive=True).queue == name
