"""Bulk calls: a stream becomes bounded batches, each stored whole or not at all."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.calling.support import stored
from umbel import Umbel
from umbel.bulk import BYTES, MOST, batches
from umbel.exceptions import QueueFull, StoreFull
from umbel.message import Parcel


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 10), st.integers(1, 100))
def test_batches_keep_order_and_bounds(sizes, most, size):
    parcels = [Parcel("q", str(at), "t", b"", b"x" * length) for at, length in enumerate(sizes)]
    made = list(batches(parcels, most, size))
    assert [parcel for batch in made for parcel in batch] == parcels
    for batch in made:
        assert 0 < len(batch) <= most
        assert sum(len(parcel.body) for parcel in batch[:-1]) < size


class Counting:
    """Publishes into a real store and writes down the sizes of the batches; refuses after a while if asked."""

    def __init__(self, inner, refuse_after=None):
        self.inner = inner
        self.sizes = []
        self.refuse_after = refuse_after

    def publish(self, parcels, **options):
        if self.refuse_after is not None and len(self.sizes) >= self.refuse_after:
            raise StoreFull("The disk is full.")
        self.sizes.append(len(parcels))
        self.inner.publish(parcels, **options)

    def close(self):
        self.inner.close()


def counting(app: Umbel, **how) -> Counting:
    publisher = app._stores._mine().publisher = Counting(app.broker.publisher(), **how)
    return publisher


@pytest.fixture
def add(app: Umbel):
    @app.task(name="proj.add")
    def add(x, y=0):
        return x + y

    return add


def test_one_message_a_call_in_order(app: Umbel, add):
    results = add.apply_async_many([((1,), {"y": 2}), ([3], None), ((5, 6), {})], queue="q", priority=4)
    sent = stored(app)
    assert [message.body[:2] for message in sent] == [[[1], {"y": 2}], [[3], {}], [[5, 6], {}]]
    assert [message.parcel.id for message in sent] == [result.id for result in results]
    assert {(message.parcel.queue, message.parcel.priority) for message in sent} == {("q", 4)}
    assert (len(results), results[1].id) == (3, sent[1].parcel.id)
    assert [one.id for one in results[1:]] == [one.parcel.id for one in sent[1:]]


def test_the_same_message_as_one_by_one(app: Umbel, add):
    add.apply_async((1,), {"y": 2}, time_limit=5)
    add.apply_async_many([((1,), {"y": 2})], time_limit=5)
    one, many = stored(app)
    of_each = {"id": "", "root_id": ""}
    assert {**one.headers, **of_each} == {**many.headers, **of_each}
    assert one.body == many.body


def test_one_round_trip_a_batch(app: Umbel, add):
    publisher = counting(app)
    add.delay_many((number,) for number in range(2 * MOST + 5))
    assert publisher.sizes == [MOST, MOST, 5]


def test_batches_are_bounded_in_bytes(app: Umbel, add):
    publisher = counting(app)
    add.delay_many(("x" * (BYTES // 3),) for _ in range(7))
    assert publisher.sizes == [3, 3, 1]


def test_it_is_read_as_a_stream(app: Umbel, add):
    publisher = counting(app)
    read = []

    def calls():
        for number in range(3 * MOST):
            read.append(len(publisher.sizes))
            yield (number,)

    add.delay_many(calls())
    assert read[MOST + 1] == 1
    assert read[-1] == 2


def test_what_was_sent_before_an_error_is_told(app: Umbel, add):
    counting(app, refuse_after=2)
    with pytest.raises(StoreFull) as caught:
        add.delay_many((number,) for number in range(10 * MOST))
    assert len(caught.value.sent) == 2 * MOST
    assert caught.value.__notes__ == [f"{2 * MOST} tasks of this bulk call were sent before."]


def test_a_wrong_call_ends_it(app: Umbel, add):
    with pytest.raises(TypeError):
        add.delay_many([(1, 2), (1, 2, 3)])
    assert stored(app) == []


def test_a_full_queue(app: Umbel, add):
    app.conf.task_queue_max_length = {"celery": 5}
    add.delay_many((number,) for number in range(5))
    with pytest.raises(QueueFull):
        add.delay(1)
    add.apply_async((1,), queue="other")
    assert len(stored(app)) == 6


def test_results_cost_little(app: Umbel, add):
    results = add.delay_many(zip(range(100), itertools.repeat(1)))
    assert len(results.ids) == 100
    assert results[5] == results[5].id == results.ids[5]
    assert repr(results) == "<Sent: 100 tasks>"
