"""Publishing: the deadline, trying again within it, and what signals see."""

from __future__ import annotations

import json
import threading
import time

import pytest

from tests.calling.support import only, stored
from umbel import OperationalError, Umbel, signals
from umbel.exceptions import StoreFull, StoreLocked, StoreUnavailable


@pytest.fixture
def add(app: Umbel):
    @app.task(name="proj.add")
    def add(x, y):
        return x + y

    return add


class Moody:
    """Fails as often as it is told, then publishes into a real store."""

    def __init__(self, inner, errors):
        self.inner = inner
        self.errors = list(errors)
        self.deadlines = []

    def publish(self, parcels, *, deadline, limits):
        self.deadlines.append(deadline)
        if self.errors:
            raise self.errors.pop(0)
        self.inner.publish(parcels, deadline=deadline, limits=limits)

    def close(self):
        self.inner.close()


def moody(app: Umbel, *errors) -> Moody:
    publisher = app._stores._mine().publisher = Moody(app.broker.publisher(), errors)
    return publisher


def test_a_store_that_is_away_for_a_moment(app: Umbel, add):
    publisher = moody(app, StoreUnavailable("away"), StoreLocked("locked"))
    result = add.delay(1, 2)
    assert only(app).parcel.id == result.id
    assert len(publisher.deadlines) == 3
    assert publisher.deadlines == sorted(publisher.deadlines, reverse=True)


@pytest.mark.parametrize("options", [{"retry": False}, {"retry_policy": {"max_retries": 0}}])
def test_not_tried_again_when_it_is_not_wanted(app: Umbel, add, options):
    publisher = moody(app, StoreUnavailable("away"))
    with pytest.raises(StoreUnavailable, match="away"):
        add.apply_async((1, 2), **options)
    assert len(publisher.deadlines) == 1


def test_given_up_after_the_policy(app: Umbel, add):
    publisher = moody(app, *(StoreUnavailable(str(number)) for number in range(10)))
    with pytest.raises(OperationalError, match="2"):
        add.apply_async((1, 2), retry_policy={"max_retries": 2, "interval_start": 0, "interval_step": 0.001})
    assert len(publisher.deadlines) == 3


def test_given_up_at_the_deadline(app: Umbel, add):
    app.conf.task_publish_deadline = 0.2
    publisher = moody(app, *(StoreUnavailable("away") for _ in range(1000)))
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        add.apply_async((1, 2), retry_policy={"max_retries": None, "interval_start": 0.05})
    assert time.monotonic() - started < 0.2 + 0.1
    assert all(0 < deadline <= 0.2 for deadline in publisher.deadlines)


def test_a_full_disk_is_told_at_once(app: Umbel, add):
    publisher = moody(app, StoreFull("full"))
    with pytest.raises(StoreFull):
        add.delay(1, 2)
    assert len(publisher.deadlines) == 1


def test_each_thread_has_its_own_publisher_and_gives_it_back(app: Umbel, add):
    add.delay(1, 2)
    mine, seen = app._stores._mine(), []

    def other():
        add.delay(3, 4)
        seen.append(app._stores._mine())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen[0] is not mine
    assert len(stored(app)) == 2
    assert set(app._stores._parts) == {mine, seen[0]}
    seen.clear()
    assert set(app._stores._parts) == {mine}


def test_receivers_may_change_headers(app: Umbel, add):
    heard = []

    def trace(sender, headers, properties, body, routing_key, **kwargs):
        headers["traceparent"] = "00-abc"
        properties["app_id"] = "shop"
        heard.append((sender, body[0], routing_key, headers["id"]))

    def told(sender, headers, **kwargs):
        heard.append((sender, headers["traceparent"]))

    signals.before_task_publish.connect(trace)
    signals.after_task_publish.connect(told)
    try:
        result = add.delay(1, 2)
    finally:
        signals.before_task_publish.disconnect(trace)
        signals.after_task_publish.disconnect(told)
    sent = only(app)
    assert (sent.headers["traceparent"], sent.properties["app_id"]) == ("00-abc", "shop")
    assert heard == [("proj.add", (1, 2), "celery", result.id), ("proj.add", "00-abc")]
    assert json.loads(sent.parcel.head)["content-type"] == "application/json"


def test_a_receiver_that_raises_stops_nothing(app: Umbel, add):
    def broken(**kwargs):
        raise RuntimeError("no")

    signals.before_task_publish.connect(broken)
    try:
        add.delay(1, 2)
    finally:
        signals.before_task_publish.disconnect(broken)
    assert only(app).body[0] == [1, 2]


def test_closed_it_opens_again(app: Umbel, add):
    add.delay(1, 2)
    app.close()
    app.close()
    add.delay(3, 4)
    assert len(stored(app)) == 2
