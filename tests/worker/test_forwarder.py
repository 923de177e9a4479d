"""What follows a chord that is joined elsewhere than in the broker: sent by whoever lives, and run once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from umbel import Umbel, chord
from umbel.app.joined import outbox
from umbel.broker import Publisher
from umbel.exceptions import QueueFull, StoreUnavailable
from umbel.ids import new_id
from umbel.testing.clock import moved_clock
from umbel.testing.worker import InProcessWorker
from umbel.worker.forwarder import LATE, LOOK, Forwarder

RAN: list[Any] = []


class Dies(Forwarder):
    """Is killed when it is about to send."""

    def _send(self, store: Any, letters: Any) -> None:
        """Nothing."""


@pytest.fixture
def app() -> Iterator[Umbel]:
    RAN.clear()
    with Umbel("forwarder", broker=f"memory://{new_id()}", backend=f"memory://{new_id()}") as app:
        app.task(name="f.same")(lambda value: value)
        app.task(name="f.body")(lambda values: RAN.append(values) or len(values))
        yield app


@pytest.fixture
def hands() -> Iterator[Any]:
    with moved_clock() as hands:
        yield hands


def left(app: Umbel, forwarder: Any = Dies) -> Any:
    """A chord whose members have ended, in a worker that came no further."""
    sent = chord([app.tasks["f.same"].s(1), app.tasks["f.same"].s(2)], app.tasks["f.body"].s()).delay()
    with InProcessWorker(app, pool="solo") as worker:
        worker.child.settler._forwarder = forwarder(app)
        worker.drain()
    return sent


def drain(app: Umbel) -> None:
    with InProcessWorker(app, pool="solo") as worker:
        worker.drain()
    assert app.broker.shelf().counts() == []


def test_what_a_dead_worker_left_is_sent_by_another(app: Umbel, hands: Any) -> None:
    sent = left(app)
    with closing(Forwarder(app)) as forwarder:
        hands.advance(LOOK)
        forwarder.look()
        drain(app)
        assert RAN == []
        hands.advance(LATE)
        forwarder.look()
        drain(app)
        assert (RAN, sent.get(timeout=1)) == ([[1, 2]], 2)
        hands.advance(LATE + LOOK)
        forwarder.look()
        assert app.broker.shelf().counts() == []


def test_it_looks_every_two_seconds(app: Umbel, hands: Any) -> None:
    left(app)
    hands.advance(LATE)
    with closing(Forwarder(app)) as forwarder:
        forwarder.look()
        drain(app)
        assert RAN == []
        hands.advance(LOOK)
        forwarder.look()
        drain(app)
        assert RAN == [[1, 2]]


def test_a_body_that_two_have_sent_runs_once(app: Umbel, hands: Any) -> None:
    left(app)
    hands.advance(LATE)
    store: Any = app.backend()
    letters = store.take_letters(outbox(app.broker_url, {}), hands.wall(), hands.wall() + LATE)
    for _ in range(2):
        with closing(Forwarder(app)) as forwarder:
            forwarder._send(store, letters)
    drain(app)
    assert RAN == [[1, 2]]


def test_what_a_member_added_is_sent_though_it_does_not_run_again(app: Umbel, hands: Any) -> None:
    """Its result says that it has succeeded, and not what it added."""

    @app.task(name="f.adds", bind=True)
    def adds(task: Any) -> int:
        task.add_to_chord(app.tasks["f.same"].s(2))
        return 1

    sent = chord([adds.s()], app.tasks["f.body"].s()).delay()
    with InProcessWorker(app, pool="solo") as worker:
        worker.child.settler._forwarder = Dies(app)
        worker.drain()
    with closing(Forwarder(app)) as forwarder:
        hands.advance(LATE + LOOK)
        forwarder.look()
    drain(app)
    assert ([sorted(each) for each in RAN], sent.get(timeout=1)) == ([[1, 2]], 2)  # both have one place


class Closed:
    """A publisher of a broker that takes nothing, or not two messages at once."""

    def __init__(self, inner: Publisher, most: int) -> None:
        self._inner = inner
        self._most = most

    def publish(self, parcels: Any, **options: Any) -> None:
        if len(parcels) > self._most:
            raise (QueueFull if self._most else StoreUnavailable)("not now")
        self._inner.publish(parcels, **options)

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize("most", [0, 1])
def test_what_cannot_be_sent_is_tried_again_and_holds_up_nothing_else(app: Umbel, hands: Any, most: int) -> None:
    left(app)
    left(app)
    with closing(Forwarder(app)) as forwarder:
        forwarder._publisher = Closed(app.broker.publisher(), most)
        hands.advance(LATE + LOOK)
        forwarder.look()
        drain(app)
        assert len(RAN) == 2 * most
        forwarder._publisher._most = 2
        hands.advance(LATE + LOOK)
        forwarder.look()
        drain(app)
        assert RAN == [[1, 2]] * 2


def test_a_child_does_not_wait_for_a_broker_again_and_again(app: Umbel, hands: Any) -> None:
    """It leaves to others what ends soon after; they send it."""
    with closing(Forwarder(app)) as forwarder:
        forwarder._publisher = Closed(app.broker.publisher(), 0)
        for _ in range(2):  # the second worker's broker would take it
            left(app, lambda _: forwarder)
        assert RAN == []
        hands.advance(LATE + LOOK)
        forwarder.look()
    drain(app)
    assert RAN == [[1, 2]] * 2


def test_nothing_is_opened_where_one_store_has_both() -> None:
    url = f"memory://{new_id()}"
    with Umbel("one", broker=url, backend=url) as app, closing(Forwarder(app)) as forwarder:
        forwarder._looked = 0.0
        forwarder.look()
        assert forwarder._publisher is None
