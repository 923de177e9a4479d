"""A message that comes again whose result is stored already, in a store of its own: it does not run a second time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from umbel import Umbel, clock
from umbel.broker import Death, Owner, Want
from umbel.canvas import CONTINUE
from umbel.ids import derived_id, new_id, nonce
from umbel.message import AGAIN_HEADER, Delivery, Parcel
from umbel.outcome import Done
from umbel.record import Record
from umbel.serialization import encode_json
from umbel.testing.worker import InProcessWorker
from umbel.worker.again import marked

RAN: list[Any] = []


@pytest.fixture
def app() -> Iterator[Umbel]:
    RAN.clear()
    with Umbel("again", broker=f"memory://{new_id()}", backend=f"memory://{new_id()}") as app:
        app.task(name="again.add")(lambda x, y: RAN.append((x, y)) or x + y)
        app.task(name="again.note")(RAN.append)
        app.task(name="again.forgotten", ignore_result=True)(lambda x, y: RAN.append((x, y)))
        yield app


def lost(app: Umbel) -> None:
    """What waits was claimed and started by somebody who died."""
    owner = Owner(nonce(), "other@suite", 1, "child", clock.wall())
    with closing(app.broker.owners()) as owners, closing(app.broker.consumer(owner)) as consumer:
        owners.enlist(owner)
        claimed = consumer.turn([], Want(("celery",), 10)).deliveries
        assert owners.rescue([Death(owner.nonce, [each.tag for each in claimed], "killed by SIGKILL")]) == len(claimed)


def stored(app: Umbel, task_id: str, status: str, result: bytes) -> None:
    document = b'{"status":"%s","result":%s,"traceback":null,"children":[],"date_done":null,"task_id":"%s"}'
    backend = app.backend()
    assert backend is not None
    backend.store([Record(task_id, status, document % (status.encode(), result, task_id.encode()))])


def drain(app: Umbel) -> None:
    with InProcessWorker(app, pool="solo") as worker:
        worker.drain()
    assert app.broker.shelf().counts() == []


def test_a_task_that_succeeded_does_not_run_again_and_its_follow_ups_do(app: Umbel) -> None:
    sent = app.tasks["again.add"].apply_async((1, 2), link=app.tasks["again.note"].s())
    lost(app)
    stored(app, sent.id, "SUCCESS", b"3")
    drain(app)
    assert RAN == [3]
    assert sent.get(timeout=1) == 3


def test_a_chain_goes_on_from_the_stored_result(app: Umbel) -> None:
    sent = (app.tasks["again.add"].s(1, 2) | app.tasks["again.add"].s(10)).delay()
    lost(app)
    stored(app, sent.parent.id, "SUCCESS", b"30")
    drain(app)
    assert RAN == [(30, 10)]
    assert sent.get(timeout=1) == 40


@pytest.mark.parametrize("status", ["FAILURE", "RETRY", "STARTED"])
def test_another_state_than_success_is_no_reason(app: Umbel, status: str) -> None:
    sent = app.tasks["again.add"].delay(1, 2)
    lost(app)
    stored(app, sent.id, status, b'{"exc_type":"KeyError","exc_message":["a"],"exc_module":"builtins"}')
    drain(app)
    assert RAN == [(1, 2)]


def test_a_message_that_nobody_had_before_runs(app: Umbel) -> None:
    """Somebody used the id a second time."""
    sent = app.tasks["again.add"].delay(1, 2)
    stored(app, sent.id, "SUCCESS", b"3")
    drain(app)
    assert RAN == [(1, 2)]


def test_nobody_knows_of_a_task_whose_result_is_not_kept(app: Umbel) -> None:
    app.tasks["again.forgotten"].delay(1, 2)
    lost(app)
    drain(app)
    assert RAN == [(1, 2)]


def test_a_document_that_cannot_be_read_is_no_reason(app: Umbel, caplog: pytest.LogCaptureFixture) -> None:
    sent = app.tasks["again.add"].delay(1, 2)
    lost(app)
    backend = app.backend()
    assert backend is not None
    backend.store([Record(sent.id, "SUCCESS", b"\x00nonsense")])
    drain(app)
    assert RAN == [(1, 2)]
    assert "cannot be read: it runs again" in caplog.text


def copied(app: Umbel) -> Any:
    """A follow-up that was sent again, because whoever sent it first was killed before it was said."""
    sent = app.tasks["again.add"].apply_async((1, 2), headers={AGAIN_HEADER: True}, link=app.tasks["again.note"].s())
    return sent.id


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "REVOKED"])
def test_a_second_message_is_dropped_when_the_first_has_ended_its_task(app: Umbel, status: str) -> None:
    stored(app, copied(app), status, b"3")
    drain(app)
    assert RAN == []


LOST = b'{"exc_type":"WorkerLostError","exc_message":["killed"],"exc_module":"billiard.exceptions"}'


@pytest.mark.parametrize(("status", "result"), [("RETRY", b"null"), ("STARTED", b"null"), ("", b""), ("FAILURE", LOST)])
def test_a_second_message_runs_while_there_is_no_end(app: Umbel, status: str, result: bytes) -> None:
    task_id = copied(app)
    if status:
        stored(app, task_id, status, result)
    drain(app)
    assert RAN == [(1, 2), 3]


def test_a_second_message_that_was_lost_itself_sends_what_follows_it(app: Umbel) -> None:
    task_id = copied(app)
    lost(app)
    stored(app, task_id, "SUCCESS", b"3")
    drain(app)
    assert RAN == [3]


@pytest.mark.parametrize(
    ("redelivered", "head"), [(True, b'{"headers":{}}'), (False, b'{"headers":{"umbel_again":1}}')]
)
def test_what_is_sent_again_says_so(redelivered: bool, head: bytes) -> None:
    delivery = Delivery(1, 1, "q", head, b"[]", redelivered=redelivered)
    outcome = marked(Done(delivery, None, (Parcel("q", "a", "t", b'{"headers":{"id":"a"}}', b"[]"),)))
    assert outcome.parcels[0].head == b'{"headers":{"id":"a","umbel_again":true}}'


def test_what_is_sent_for_the_first_time_says_nothing() -> None:
    outcome = Done(Delivery(1, 1, "q", b'{"headers":{}}', b"[]"), None, (Parcel("q", "a", "t", b"{}", b"[]"),))
    assert marked(outcome) is outcome


def test_the_link_of_a_long_chain_goes_on_again(app: Umbel) -> None:
    """What follows it is not in its message, so its result is not enough."""
    step = app.tasks["again.add"].s(10)
    step.freeze("next")
    stored(app, derived_id("tail", 1), "SUCCESS", encode_json([step]))
    sent = app.tasks[CONTINUE].apply_async((3,), {"tail": "tail", "part": 1, "end": None})
    lost(app)
    stored(app, sent.id, "SUCCESS", b"3")
    drain(app)
    assert RAN == [(3, 10)]
