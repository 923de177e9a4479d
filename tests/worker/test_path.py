"""The path of a message through the real loop, over memory and SQLite, in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from umbel import Umbel
from umbel.exceptions import Ignore, MaxRetriesExceededError, Reject, TaskRevokedError
from umbel.ids import new_id
from umbel.message import Parcel
from umbel.testing.clock import moved_clock
from umbel.testing.worker import InProcessWorker


@pytest.fixture(params=["memory", "sqlite"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Umbel]:
    url = f"memory://{new_id()}" if request.param == "memory" else f"sqlite:///{tmp_path}/queue.db"
    with Umbel("path", broker=url) as app:
        yield app


@pytest.fixture
def worker(app: Umbel) -> Iterator[InProcessWorker]:
    with InProcessWorker(app, pool="solo") as worker:
        yield worker


def test_a_task_runs_and_its_result_is_there(app: Umbel, worker: InProcessWorker) -> None:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    results = add.delay_many([(n, n) for n in range(50)])
    worker.drain()
    assert [result.get(timeout=0) for result in results] == [2 * n for n in range(50)]
    assert app.broker.shelf().counts() == []


def test_an_async_task_runs_beside_a_function(app: Umbel, worker: InProcessWorker) -> None:
    @app.task
    async def double(x: int) -> int:
        return 2 * x

    @app.task
    def half(x: int) -> int:
        return x // 2

    one, two = double.delay(4), half.delay(4)
    worker.drain()
    assert (one.get(timeout=0), two.get(timeout=0)) == (8, 2)


def test_a_failure_carries_its_error_and_a_traceback_of_the_task_only(app: Umbel, worker: InProcessWorker) -> None:
    @app.task
    def fail() -> None:
        raise ValueError("bad", 42)

    result = fail.delay()
    worker.drain()
    with pytest.raises(ValueError, match="bad"):
        result.get(timeout=0)
    assert result.state == "FAILURE"
    assert result.traceback is not None
    assert "in fail" in result.traceback
    assert "attempt.py" not in result.traceback


def test_a_retry_waits_in_the_store_and_keeps_its_id(app: Umbel, worker: InProcessWorker) -> None:
    seen: list[int] = []

    @app.task(bind=True, max_retries=2)
    def shaky(self: Any) -> str:
        seen.append(self.request.retries)
        if self.request.retries < 2:
            raise self.retry(countdown=60)
        return "done"

    with moved_clock() as clock:
        result = shaky.delay()
        worker.drain()
        assert (seen, result.state) == ([0], "RETRY")
        clock.advance(60)
        worker.drain()
        clock.advance(60)
        worker.drain()
    assert seen == [0, 1, 2]
    assert result.get(timeout=0) == "done"


def test_retries_end(app: Umbel, worker: InProcessWorker) -> None:
    @app.task(bind=True, max_retries=1)
    def hopeless(self: Any) -> None:
        self.retry(countdown=0)

    result = hopeless.delay()
    worker.drain()
    with pytest.raises(MaxRetriesExceededError):
        result.get(timeout=0)


def test_ignore_stores_nothing_and_reject_buries(app: Umbel, worker: InProcessWorker) -> None:
    @app.task
    def ignoring() -> None:
        raise Ignore

    @app.task
    def rejecting() -> None:
        raise Reject("no use")

    ignored, rejected = ignoring.delay(), rejecting.delay()
    worker.drain()
    assert (ignored.state, rejected.state) == ("PENDING", "FAILURE")
    dead = app.broker.shelf().items("dead")
    assert [item.parcel.id for item in dead] == [rejected.id]
    assert "no use" in dead[0].reason


def test_callbacks_run_after_success_and_failure(app: Umbel, worker: InProcessWorker) -> None:
    told: list[Any] = []

    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    @app.task
    def fail() -> None:
        raise KeyError("gone")

    @app.task
    def note(value: Any) -> None:
        told.append(value)

    @app.task
    def note_error(request: Any, error: BaseException, traceback: str, *own: str) -> None:
        told.append((request.id, type(error), "KeyError" in traceback, *own))

    add.apply_async((2, 3), link=add.s(10))
    add.apply_async((2, 3), link=note.s())
    failed = fail.apply_async(link_error=[note_error.s(), note_error.s("own")])
    old = fail.apply_async(link_error=note.s())
    worker.drain()
    assert 5 in told
    assert (failed.id, KeyError, True) in told
    assert (failed.id, KeyError, True, "own") in told
    assert old.id in told


def test_hooks_are_called_and_their_errors_change_nothing(app: Umbel, worker: InProcessWorker) -> None:
    called: list[str] = []

    class Hooked(app.Task):  # type: ignore[misc, name-defined]  # the attribute is a class
        def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
            called.append("before_start")

        def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
            called.append("on_success")
            raise RuntimeError("a hook")

        def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
            called.append(f"on_failure {exc}")

        def after_return(self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
            called.append(f"after_return {status}")

    @app.task(base=Hooked)
    def either(fine: bool) -> str:
        if not fine:
            raise ValueError("not fine")
        return "fine"

    good, bad = either.delay(True), either.delay(False)
    worker.drain()
    assert good.get(timeout=0) == "fine"
    assert bad.state == "FAILURE"
    assert called == [
        "before_start", "on_success", "after_return SUCCESS",
        "before_start", "on_failure not fine", "after_return FAILURE",
    ]  # fmt: skip


def test_a_revoked_and_an_expired_task_do_not_run(app: Umbel, worker: InProcessWorker) -> None:
    ran: list[str] = []

    @app.task
    def note(word: str) -> None:
        ran.append(word)

    with moved_clock() as clock:
        revoked = note.delay("revoked")
        revoked.revoke()
        expired = note.apply_async(("expired",), expires=10)
        clock.advance(11)
        worker.drain()
    assert ran == []
    assert (revoked.state, expired.state) == ("REVOKED", "REVOKED")
    with pytest.raises(TaskRevokedError):
        expired.get(timeout=0)


def test_an_unknown_task_is_parked_then_buried(app: Umbel, worker: InProcessWorker) -> None:
    with moved_clock() as clock:
        result = app.send_task("nobody.knows")
        worker.drain()
        assert [count.delayed for count in app.broker.shelf().counts()] == [1]
        for _ in range(30):
            clock.advance(60)
            worker.drain()
    assert result.state == "FAILURE"
    assert [item.reason for item in app.broker.shelf().items("dead")] == ["unknown task"]


def test_a_message_that_cannot_be_read_is_buried_and_the_worker_goes_on(app: Umbel, worker: InProcessWorker) -> None:
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    bad = [b"", b"\xff\x00", b'{"headers": 3}', b'{"headers": {"task": "%s", "id": "x"}}' % add.name.encode()]
    app.publish([Parcel("celery", str(n), "?", head, b"\x00" * 10) for n, head in enumerate(bad)])
    result = add.delay(1, 2)
    worker.drain()
    assert result.get(timeout=0) == 3
    assert len(app.broker.shelf().items("dead")) == len(bad)


def test_a_limit_that_no_run_could_keep_is_none(app: Umbel) -> None:
    """A damaged message may hold one; the child would be replaced for it at once."""

    @app.task
    def nap() -> str:
        time.sleep(0.1)  # longer than the keeper looks away
        return "slept"

    head = b'{"headers":{"lang":"py","task":"%s","id":"1","timelimit":[-1,-1]},"properties":{},' % nap.name.encode()
    head += b'"content-type":"application/json","content-encoding":"utf-8"}'
    app.broker.publisher().publish([Parcel("celery", "1", nap.name, head, b"[[],{},{}]")])
    with InProcessWorker(app, pool="thread") as worker:
        worker.drain()
    assert app.AsyncResult("1").get(timeout=0) == "slept"


@pytest.mark.parametrize("name", ["time_limit", "soft_time_limit"])
def test_a_limit_below_zero_is_refused_where_it_is_written(app: Umbel, name: str) -> None:
    @app.task
    def nap() -> None:
        time.sleep(0.1)

    with pytest.raises(ValueError, match=f"{name} is -1 seconds; name more than 0"):
        nap.apply_async(**{name: -1})
    assert app.broker.shelf().counts() == []
