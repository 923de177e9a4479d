"""Messages that run once although they are there twice: claimed beside the results before they run."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from umbel import Umbel, clock, ids
from umbel.broker import Owner
from umbel.claims import Claim, Claims, name_of
from umbel.exceptions import OperationalError, Reject
from umbel.ids import new_id
from umbel.message import ONCE_HEADER
from umbel.record import Record
from umbel.testing.clock import MovableClock, moved_clock
from umbel.testing.worker import InProcessWorker
from umbel.worker.brood import Brood
from umbel.worker.once import Book, Once
from umbel.worker.page import CLAIMS, Page
from umbel.worker.sponsor import Sponsor

RAN: list[Any] = []
ELSEWHERE = ids.nonce()


@pytest.fixture
def app() -> Iterator[Umbel]:
    RAN.clear()
    with Umbel("once", broker=f"memory://{new_id()}", backend=f"memory://{new_id()}") as app:
        app.task(name="once.note")(RAN.append)
        app.task(name="once.quiet", ignore_result=True)(RAN.append)

        @app.task(name="once.retried", bind=True, ignore_result=True)
        def retried(self: Any) -> None:
            RAN.append(self.request.retries)
            if self.request.retries < 2:
                raise self.retry(countdown=0)

        @app.task(name="once.refused")
        def refused() -> None:
            RAN.append("refused")
            raise Reject("as asked", requeue=False)

        yield app


@pytest.fixture
def claims(app: Umbel) -> Iterator[Claims]:
    opened = app.claims()
    assert opened is not None
    with closing(opened):
        yield opened


def send(app: Umbel, name: str, *args: Any, times: int = 1, **options: Any) -> str:
    """Send a message that runs once, so many times under one id."""
    task_id = options.pop("task_id", None) or new_id()
    for _ in range(times):
        app.send_task(name, args, task_id=task_id, headers={ONCE_HEADER: True}, **options)
    return str(task_id)


def drain(app: Umbel, **options: Any) -> None:
    with InProcessWorker(app, pool="solo", **options) as worker:
        worker.drain()


def waiting(app: Umbel) -> dict[str, int]:
    with closing(app.broker.shelf()) as shelf:
        counts = shelf.counts()
    return {
        place: sum(getattr(count, place) for count in counts) for place in ("ready", "delayed", "leased", "dead")
    }  # fmt: skip


EMPTY = {"ready": 0, "delayed": 0, "leased": 0, "dead": 0}


@pytest.mark.parametrize("name", ["once.note", "once.quiet"])
def test_two_messages_of_one_id_run_once(app: Umbel, name: str, claims: Claims) -> None:
    """The second comes when the first has ended; a result is not needed for it."""
    task_id = send(app, name, "a", times=2)
    drain(app)
    assert (RAN, waiting(app)) == (["a"], EMPTY)
    assert claims.look([task_id]) == ["ended"]


def test_others_do_not_ask(app: Umbel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is not even opened for them, and two messages of one id are two tasks."""
    monkeypatch.setattr(app, "claims", lambda: pytest.fail("it was asked"))
    for _ in range(2):
        app.send_task("once.note", ("a",), task_id="same")
    app.send_task("once.note", ("b",), task_id="same", headers={ONCE_HEADER: False})
    drain(app)
    assert RAN == ["a", "a", "b"]


def test_where_results_are_with_the_messages_nothing_is_claimed() -> None:
    url = f"memory://{new_id()}"
    with Umbel("one", broker=url, backend=url) as app:
        app.task(name="once.note")(RAN.append)
        RAN.clear()
        task_id = send(app, "once.note", "a")
        drain(app)
        opened = app.claims()
        assert opened is not None
        assert (RAN, opened.look([task_id])) == (["a"], [""])


def test_where_nobody_keeps_claims_it_is_said_and_they_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Umbel("kept", broker=f"memory://{new_id()}", backend=f"db+sqlite:///{tmp_path}/results.db") as app:
        app.task(name="once.quiet", ignore_result=True)(RAN.append)
        RAN.clear()
        send(app, "once.quiet", "a", times=3)
        drain(app)
    assert RAN == ["a"] * 3
    assert caplog.text.count("nobody can keep that: set result_backend to Redis or SQLite") == 1


def elsewhere(claims: Claims, task_id: str) -> None:
    """Its first message is held, and run, by a worker somewhere else."""
    assert claims.claim(ELSEWHERE, [Claim(task_id, "1.1")]) == ["mine"]


def looked_at_again(app: Umbel, hands: MovableClock) -> None:
    hands.advance(6)
    drain(app)


def test_what_runs_elsewhere_waits_and_is_dropped_behind_its_end(app: Umbel, claims: Claims) -> None:
    task_id = new_id()
    elsewhere(claims, task_id)
    with moved_clock() as hands:
        send(app, "once.quiet", "a", task_id=task_id)
        for _ in range(5):
            looked_at_again(app, hands)
            assert (RAN, waiting(app)) == ([], {**EMPTY, "delayed": 1})
        claims.settle(ELSEWHERE, [(Claim(task_id, "1.1"), "ended")], 600.0)
        looked_at_again(app, hands)
    assert (RAN, waiting(app)) == ([], EMPTY)


@pytest.mark.parametrize("what", ["dies", "gives it back"])
def test_what_waits_runs_when_the_first_was_lost(app: Umbel, claims: Claims, what: str) -> None:
    task_id = new_id()
    elsewhere(claims, task_id)
    with moved_clock() as hands:
        send(app, "once.quiet", "a", task_id=task_id)
        looked_at_again(app, hands)
        if what == "dies":
            claims.vouch((), [ELSEWHERE])
        else:
            claims.settle(ELSEWHERE, [(Claim(task_id, "1.1"), "loose")], 600.0)
        looked_at_again(app, hands)
    assert (RAN, waiting(app)) == (["a"], EMPTY)
    assert claims.look([task_id]) == ["ended"]


def document(app: Umbel, task_id: str, status: str, result: bytes = b"null") -> None:
    text = b'{"status":"%s","result":%s,"traceback":null,"children":[],"date_done":null,"task_id":"%s"}'
    backend = app.backend()
    assert backend is not None
    backend.store([Record(task_id, status, text % (status.encode(), result, task_id.encode()))])


def test_of_a_dead_owner_the_result_is_looked_for(app: Umbel, claims: Claims) -> None:
    """He died between the result and the end: what follows it is sent again, under the same ids."""
    task_id = new_id()
    elsewhere(claims, task_id)
    document(app, task_id, "SUCCESS", b'"b"')
    claims.vouch((), [ELSEWHERE])
    send(app, "once.note", "a", task_id=task_id, link=app.tasks["once.note"].s())
    drain(app)
    assert (RAN, waiting(app)) == (["b"], EMPTY)


def test_of_a_dead_owner_a_failure_was_its_end(app: Umbel, claims: Claims) -> None:
    task_id = new_id()
    elsewhere(claims, task_id)
    document(app, task_id, "FAILURE", b'{"exc_type":"KeyError","exc_message":["a"],"exc_module":"builtins"}')
    claims.vouch((), [ELSEWHERE])
    send(app, "once.note", "a", task_id=task_id)
    drain(app)
    assert (RAN, waiting(app)) == ([], EMPTY)


def test_each_attempt_runs_once(app: Umbel, claims: Claims) -> None:
    """A retry has the id of the attempt before; a late second message of any of them is dropped."""
    task_id = send(app, "once.retried")
    drain(app)
    assert RAN == [0, 1, 2]
    assert claims.look([name_of(task_id, number) for number in range(4)]) == ["passed", "passed", "ended", ""]
    send(app, "once.retried", task_id=task_id)
    send(app, "once.retried", task_id=task_id, retries=2)
    drain(app)
    assert (RAN, waiting(app)) == ([0, 1, 2], EMPTY)


def test_what_was_set_aside_runs_when_somebody_brings_it_back(app: Umbel) -> None:
    send(app, "once.refused")
    drain(app)
    with closing(app.broker.shelf()) as shelf:
        assert shelf.replay([item.tag for item in shelf.items("dead")]) == 1
    drain(app)
    assert RAN == ["refused", "refused"]


def test_while_the_store_does_not_say_nothing_runs_and_nothing_is_lost(
    app: Umbel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also of what it took before its answer was lost."""
    real = app.claims()
    assert real is not None
    kind = type(real)
    claim = kind.claim

    def unanswered(self: Any, *args: Any) -> Any:
        claim(self, *args)
        raise OperationalError("no answer")

    with moved_clock() as hands, monkeypatch.context() as patch:
        patch.setattr(kind, "claim", unanswered)
        send(app, "once.quiet", "a")
        drain(app)
        assert (RAN, waiting(app)) == ([], {**EMPTY, "delayed": 1})
        patch.undo()
        looked_at_again(app, hands)
    assert (RAN, waiting(app)) == (["a"], EMPTY)
    assert "cannot be asked, they wait: no answer" in caplog.text


def test_an_end_that_is_not_heard_is_said_again(
    app: Umbel, claims: Claims, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where something follows the task, its message is gone by then."""
    kind, heard = type(claims), list[str]()
    settle = kind.settle

    def first_unheard(self: Any, owner: int, ends: Any, kept: float) -> None:
        heard.append(ends[0][0].name)
        if len(heard) == 1:
            raise OperationalError("no answer")
        settle(self, owner, ends, kept)

    monkeypatch.setattr(kind, "settle", first_unheard)
    with moved_clock() as hands, InProcessWorker(app, pool="solo") as worker:
        task_id = send(app, "once.note", "a", link=app.tasks["once.note"].si("b"))
        worker.drain()
        assert (RAN, claims.look([task_id])) == (["a", "b"], ["held"])
        hands.advance(60)
        app.send_task("once.note", ("c",))
        worker.drain()
        assert claims.look([task_id]) == ["ended"]
    assert "could not be said yet" in caplog.text


def test_an_owner_that_was_fenced_has_its_result_kept_by_its_claim(
    app: Umbel, claims: Claims, caplog: pytest.LogCaptureFixture
) -> None:
    """Its message went to somebody else while it ran; he waits for the end, and does not run it."""
    caplog.set_level(logging.INFO)

    @app.task(name="once.fenced")
    def fenced() -> str:
        RAN.append("fenced")
        store = app.broker.store  # type: ignore[attr-defined]  # the memory store's
        (entry,) = [each for each in store.entries.values() if each.parcel.id == "the-one"]
        store.give_back(entry)
        return "done"

    send(app, "once.fenced", task_id="the-one")
    drain(app)
    assert (RAN, waiting(app)) == (["fenced"], EMPTY)
    assert app.AsyncResult("the-one").get(timeout=1) == "done"
    assert "The message of task the-one is another's by now; its outcome counts" in caplog.text
    assert "a second message of it is dropped" in caplog.text
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_a_child_that_holds_claims_says_that_it_lives(app: Umbel, claims: Claims) -> None:
    """And nothing while it holds none."""
    owner, book = Owner(ELSEWHERE, "here", 1, "child", 0.0), Book(Page(1, 1).row(0))
    once = Once(app, owner, book)
    elsewhere(claims, "long")
    claims.vouch((), [ELSEWHERE])
    once.vouch(clock.monotonic() + 60)
    assert claims.look(["long"]) == ["loose"]
    book.held[1, 1] = Claim("long", "1.1")
    once.vouch(clock.monotonic() + 60)
    assert claims.look(["long"]) == ["held"]
    once.close()


def test_a_supervisor_speaks_for_a_child_that_is_silent_and_for_one_that_has_died(app: Umbel, claims: Claims) -> None:
    page = Page(1, 1)
    brood, row = Brood(page, 1), page.row(0)
    brood.reserve(ELSEWHERE)
    here, there = socket.socketpair()
    with here, there:
        ward = brood.born(0, 1, here)
        sponsor, now = Sponsor(app, brood), clock.monotonic()
        elsewhere(claims, "long")
        claims.vouch((), [ELSEWHERE])
        sponsor.sweep(now)
        assert claims.look(["long"]) == ["loose"], "it holds nothing"
        row.put(CLAIMS, 1)
        row.vouched = now
        sponsor.sweep(now + 1)
        assert claims.look(["long"]) == ["loose"], "it has said so itself"
        sponsor.sweep(now + 5)
        assert claims.look(["long"]) == ["held"]
        sponsor.buried(brood.wards.pop(ward.pid))
        sponsor.sweep(now + 6)
        assert claims.look(["long"]) == ["loose"]
        sponsor.close()
