from __future__ import annotations

import threading

import pytest

from tests.support.until import until
from umbel import clock
from umbel.adapters.memory import discard_store, open_backend, open_broker, open_store
from umbel.broker import Death, Owner, Want
from umbel.message import Parcel
from umbel.testing.clock import moved_clock

URL = "memory://store"
ME = Owner(7, "me@here", 1, "child", 0.0)


@pytest.fixture
def store():
    yield open_store(URL)
    discard_store(URL)


def publish(task_id, due=0.0):
    open_broker(URL, {}).publisher().publish([Parcel("q", task_id, "task", b"{}", b"[]", due=due)])


def test_who_sleeps_until_a_due_time_looks_again_when_the_clock_is_moved(store):
    with moved_clock() as hands:
        hands.on_move(store.nudge)
        publish("a", due=clock.wall() + 3600)
        consumer = open_broker(URL, {}).consumer(ME)
        sleeper = threading.Thread(target=consumer.wait, args=(("q",), 3600.0, -1), daemon=True)
        sleeper.start()
        until(lambda: store.sleepers)
        hands.advance(3600)
        sleeper.join(10)
        assert not sleeper.is_alive()
        consumer.close()


def test_a_killed_owner_is_found_by_the_next_rescue(store):
    broker = open_broker(URL, {})
    broker.owners().enlist(ME)
    publish("a")
    consumer = broker.consumer(ME)
    assert len(consumer.turn([], Want(("q",), 1)).deliveries) == 1
    store.kill(ME.nonce)
    store.kill(ME.nonce)
    assert [item.owner for item in broker.shelf().items("leased")] == ["me@here"]
    assert broker.owners().rescue() == 1
    consumer.close()


@pytest.mark.usefixtures("store")
def test_the_poison_limit_is_an_option():
    broker = open_broker(URL, {"poison_limit": 1})
    broker.owners().enlist(ME)
    publish("a")
    consumer = broker.consumer(ME)
    (delivery,) = consumer.turn([], Want(("q",), 1)).deliveries
    broker.owners().rescue([Death(ME.nonce, (delivery.tag,), "killed")])
    consumer.close()
    heir = Owner(8, "heir@here", 1, "child", 0.0)
    broker.owners().enlist(heir)
    consumer = broker.consumer(heir)
    assert consumer.turn([], Want(("q",), 1)).deliveries[0].verdict == "WorkerLostError:killed"
    consumer.close()


def test_a_closed_watch_is_no_longer_rung(store):
    watch = open_backend(URL, {}).watch()
    watch.add(["a"])
    watch.close()
    watch.close()
    assert not store.results.watchers


def test_ended_sleeps_leave_nothing_behind(store):
    consumer = open_broker(URL, {}).consumer(ME)
    consumer.wait(("q",), 0.001, -1)
    open_broker(URL, {}).control().broadcasts(0, 0.001)
    consumer.close()
    assert not store.sleepers
    assert not store.notices.listeners
