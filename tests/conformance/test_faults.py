from __future__ import annotations

from itertools import count

import pytest

from umbel.adapters.memory import discard_store, open_backend, open_broker
from umbel.broker import Owner, Want
from umbel.exceptions import StoreFull, StoreUnavailable
from umbel.message import Parcel
from umbel.outcome import Done
from umbel.record import Record
from umbel.testing.faults import Faults

_numbers = count()
ME = Owner(7, "me@here", 1, "child", 0.0)


@pytest.fixture
def url():
    url = f"memory://faults-{next(_numbers)}"
    yield url
    discard_store(url)


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def broker(url, faults):
    return faults.broker(open_broker(url, {}))


def parcel(task_id):
    return Parcel("q", task_id, "task", b"{}", b"[]")


def test_a_call_fails_before_its_effect(broker, faults):
    faults.fail("publish", StoreFull("no room"))
    with pytest.raises(StoreFull, match="no room"):
        broker.publisher().publish([parcel("a")])
    assert broker.shelf().counts() == []


def test_a_call_fails_after_its_effect(broker, faults):
    faults.fail("publish", StoreUnavailable("no answer"), when="after")
    with pytest.raises(StoreUnavailable):
        broker.publisher().publish([parcel("a")])
    assert [item.parcel.id for item in broker.shelf().items("ready")] == ["a"]


def test_a_fault_is_over_after_its_times(broker, faults):
    faults.fail("publish", StoreFull("no room"), times=2)
    publisher = broker.publisher()
    for _ in range(2):
        with pytest.raises(StoreFull):
            publisher.publish([parcel("a")])
    publisher.publish([parcel("a")])
    assert faults.calls("publish") == 3
    assert len(broker.shelf().items("ready")) == 1


def test_a_fault_may_last_until_it_is_healed(broker, faults):
    faults.fail("publish", StoreFull("no room"), times=None)
    for _ in range(10):
        with pytest.raises(StoreFull):
            broker.publisher().publish([parcel("a")])
    faults.heal()
    broker.publisher().publish([parcel("a")])
    assert len(broker.shelf().items("ready")) == 1


def test_other_calls_are_as_ever(broker, faults):
    faults.fail("turn", StoreUnavailable("gone"), times=None)
    broker.publisher().publish([parcel("a")])
    broker.owners().enlist(ME)
    consumer = broker.consumer(ME)
    with pytest.raises(StoreUnavailable):
        consumer.turn([], Want(("q",), 1))
    assert [owner.nonce for owner in broker.owners().roll()] == [7]
    assert broker.abilities.results
    consumer.close()


def test_a_lost_answer_to_a_turn_leaves_the_work_settled(broker, faults):
    broker.publisher().publish([parcel("a")])
    broker.owners().enlist(ME)
    consumer = broker.consumer(ME)
    (delivery,) = consumer.turn([], Want(("q",), 1)).deliveries
    done = Done(delivery)
    faults.fail("turn", StoreUnavailable("no answer"), when="after")
    with pytest.raises(StoreUnavailable):
        consumer.turn([done], None)
    assert consumer.turn([done], None).fenced == [done]
    consumer.close()


def test_opening_a_part_may_fail(broker, faults):
    faults.fail("consumer", StoreUnavailable("gone"))
    with pytest.raises(StoreUnavailable):
        broker.consumer(ME)
    broker.consumer(ME).close()
    assert faults.calls("consumer") == 2


def test_a_backend_and_its_watches_fail_too(url, faults):
    backend = faults.backend(open_backend(url, {}))
    faults.fail("store", StoreFull("no room"))
    with pytest.raises(StoreFull):
        backend.store([Record("a", "SUCCESS", b"{}")])
    watch = backend.watch()
    faults.fail("wait", StoreUnavailable("gone"))
    with pytest.raises(StoreUnavailable):
        watch.wait(0.0)
    watch.close()
    assert backend.fetch(["a"]) == {}
