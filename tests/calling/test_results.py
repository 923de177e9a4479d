"""Results, over both stores, of tasks that a real worker loop ran."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime

import msgspec
import pytest

from umbel import AsyncResult, Ignore, Umbel, allow_join_result, signature
from umbel.exceptions import ContentDisallowed, ImproperlyConfigured, TaskRevokedError, TimeoutError, UnknownResultError
from umbel.result import result_from_tuple
from umbel.testing.worker import InProcessWorker

_numbers = itertools.count()


class Person(msgspec.Struct):
    name: str


class Custom(Exception):
    def __init__(self, code, word):
        super().__init__(code, word)


@pytest.fixture(params=["memory", "sqlite"])
def app(request: pytest.FixtureRequest, tmp_path):
    url = f"memory://results-{next(_numbers)}" if request.param == "memory" else f"sqlite:///{tmp_path}/store.db"
    with Umbel("shop", broker=url) as made:
        yield made


@pytest.fixture
def worker(app: Umbel):
    with InProcessWorker(app, pool="solo") as running:
        yield running


def test_what_a_task_returned(app: Umbel, worker):
    @app.task
    def add(x, y):
        return x + y

    result = add.delay(2, 3)
    assert (result.state, result.ready(), result.result, result.date_done) == ("PENDING", False, None, None)
    assert not result.exists()
    assert result.known
    worker.drain()
    assert result.get(timeout=0) == 5
    assert (result.state, result.status, result.info, result.successful(), result.failed()) == (
        "SUCCESS", "SUCCESS", 5, True, False,
    )  # fmt: skip
    assert result.exists()
    assert abs((datetime.now(UTC) - result.date_done).total_seconds()) < 60
    assert result.traceback is None
    assert app.AsyncResult(result.id).get(timeout=0) == 5
    assert add.AsyncResult(result.id) == result == result.id


def test_a_result_is_of_the_type_that_the_task_returns(app: Umbel, worker):
    @app.task
    def people() -> list[Person]:
        return [Person("Ann")]

    result = people.delay()
    worker.drain()
    assert result.get(timeout=0) == [Person("Ann")]
    assert people.AsyncResult(result.id).get(timeout=0) == [Person("Ann")]
    assert app.AsyncResult(result.id).get(timeout=0) == [{"name": "Ann"}]


ERRORS = [ValueError("bad", 42), KeyError("k"), Custom(7, "seven"), TaskRevokedError("x")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_a_task_raised(app: Umbel, worker, error):
    @app.task
    def fail():
        raise error

    result = fail.delay()
    worker.drain()
    with pytest.raises(type(error)) as caught:
        result.get(timeout=0)
    assert caught.value.args == error.args
    again = result.get(timeout=0, propagate=False)
    assert (type(again), again.args) == (type(error), error.args)
    assert (result.failed(), result.state) == (result.state == "FAILURE", result.state)


def test_traceback_of_a_failure(app: Umbel, worker):
    @app.task
    def fail():
        raise ValueError("bad")

    result = fail.delay()
    worker.drain()
    assert result.state == "FAILURE"
    assert result.traceback.rstrip().endswith("ValueError: bad")
    assert "fail" in result.traceback


def test_progress(app: Umbel, worker):
    seen = []

    @app.task(bind=True)
    def work(self):
        self.update_state(state="PROGRESS", meta={"done": 3})
        seen.append((app.AsyncResult(self.request.id).state, app.AsyncResult(self.request.id).info))
        return "end"

    result = work.delay()
    worker.drain()
    assert seen == [("PROGRESS", {"done": 3})]
    assert result.get(timeout=0) == "end"


def test_get_waits_until_it_is_there(app: Umbel, worker):
    @app.task
    def add(x, y):
        return x + y

    result, answers = add.delay(1, 2), []
    waiting = threading.Thread(target=lambda: answers.append(result.get(timeout=20)))
    waiting.start()
    worker.drain()
    waiting.join(20)
    assert answers == [3]


@pytest.mark.parametrize("state", ["PROGRESS", "STARTED", "RETRY"])
def test_get_waits_on_while_a_task_only_reports(app: Umbel, state):
    @app.task(bind=True)
    def work(self):
        return None

    result = work.delay()
    work.update_state(task_id=result.id, state=state, meta={"done": 1})
    for handle in (result, app.AsyncResult(result.id)):
        with pytest.raises(TimeoutError):
            handle.get(timeout=0.01)
    assert result.state == state


def test_get_gives_up(app: Umbel):
    @app.task
    def add(x, y):
        return x + y

    calls = []
    with pytest.raises(TimeoutError, match=r"0\.3 seconds"):
        add.delay(1, 2).get(timeout=0.3, on_interval=lambda: calls.append(1))
    assert calls


def test_get_of_an_id_that_nobody_knows(app: Umbel, worker):
    @app.task
    def add(x, y):
        return x + y

    with pytest.raises(UnknownResultError, match="never-sent"):
        app.AsyncResult("never-sent").get(timeout=20)
    sent = add.delay(1, 2)
    with pytest.raises(TimeoutError):
        app.AsyncResult(sent.id).get(timeout=0.01)
    worker.drain()
    sent.forget()
    assert not sent.known
    with pytest.raises(TimeoutError):
        sent.get(timeout=0.01)
    with pytest.raises(UnknownResultError):
        app.AsyncResult(sent.id).get(timeout=20)


def test_thousands_of_results(app: Umbel, worker):
    @app.task
    def double(x):
        return 2 * x

    results = double.delay_many((number,) for number in range(2500))
    worker.drain()
    assert [result.get(timeout=5) for result in results] == [2 * number for number in range(2500)]


def test_a_result_that_is_not_kept(app: Umbel, worker):
    @app.task(ignore_result=True)
    def quiet():
        return 5

    result = quiet.delay()
    assert result.ignored
    worker.drain()
    assert (result.get(timeout=0), result.state) == (None, "PENDING")


def test_a_task_that_wants_no_state(app: Umbel, worker):
    @app.task
    def ignore():
        raise Ignore

    result = ignore.delay()
    worker.drain()
    assert result.state == "PENDING"
    assert not result.known


def test_get_inside_a_task_is_refused(app: Umbel, worker):
    @app.task
    def inner():
        return 5

    @app.task
    def outer(how):
        done = inner.apply()
        assert done.get() == 5
        result = AsyncResult("done", app=app)
        if how == "refused":
            return result.get()
        if how == "named":
            return result.get(disable_sync_subtasks=False)
        with allow_join_result():
            return result.get()

    inner.apply_async(task_id="done")
    worker.drain()
    refused, named, allowed = [outer.delay(how) for how in ("refused", "named", "allowed")]
    worker.drain()
    with pytest.raises(RuntimeError, match="inside a task"):
        refused.get(timeout=0)
    assert (named.get(timeout=0), allowed.get(timeout=0)) == (5, 5)


def test_revoked_before_it_started(app: Umbel, worker):
    runs = []

    @app.task
    def work():
        runs.append(1)

    result = work.apply_async(countdown=3600)
    result.revoke()
    worker.drain()
    assert runs == []
    assert result.state == "REVOKED"
    with pytest.raises(TaskRevokedError, match="revoked"):
        result.get(timeout=0)


def test_children_and_what_the_extended_document_tells(app: Umbel):
    app.conf.result_extended = True

    @app.task
    def child():
        return 1

    @app.task(name="proj.parent")
    def parent(x, y=0):
        child.delay()

    with InProcessWorker(app, pool="solo", queues=("celery", "own")) as worker:
        result = parent.apply_async((1,), {"y": 2}, queue="own")
        worker.drain()
    fresh = app.AsyncResult(result.id)
    assert (fresh.name, fresh.args, fresh.kwargs) == ("proj.parent", [1], {"y": 2})
    assert (fresh.retries, fresh.queue) == (0, "own")
    assert fresh.worker == "test@localhost"
    assert [one.get(timeout=0) for one in fresh.children] == [1]


def test_callbacks_and_errbacks_of_a_worker(app: Umbel, worker):
    @app.task
    def div(x, y):
        return x / y

    @app.task
    def after(value, word="plain"):
        return f"{word} {value}"

    @app.task
    def failed(task_id):
        return task_id

    after.apply_async((0, "warm-up"))
    good = div.apply_async((4, 2), link=[after.s("link"), after.si("alone")])
    bad = div.apply_async((4, 0), link_error=failed.s())
    worker.drain()
    from umbel.ids import derived_id

    assert good.get(timeout=0) == 2
    told = [app.AsyncResult(derived_id(good.id, position)).get(timeout=0) for position in (0, 1)]
    assert told == ["link 2.0", "plain alone"]
    assert app.AsyncResult(derived_id(bad.id, 0)).get(timeout=0) == bad.id


def test_a_retry_is_seen_and_ends(app: Umbel, worker):
    @app.task(bind=True)
    def flaky(self):
        if self.request.retries < 2:
            raise self.retry(exc=ValueError("again"), countdown=0)
        return self.request.retries

    result = flaky.delay()
    worker.drain()
    assert result.get(timeout=0) == 2


def test_arguments_arrive_as_they_are_annotated(app: Umbel, worker):
    @app.task
    def greet(person: Person, others: dict[str, Person], when: datetime) -> str:
        return f"{person.name} {others['b'].name} {when.year}"

    typed = greet.delay(Person("Ann"), {"b": Person("Bob")}, datetime(2030, 1, 1, tzinfo=UTC))
    plain = app.send_task(greet.name, [{"name": "Ann"}, {"b": {"name": "Bob"}}, "2030-01-01T00:00:00+00:00"])
    worker.drain()
    assert typed.get(timeout=0) == plain.get(timeout=0) == "Ann Bob 2030"


def test_handles_as_plain_data_and_back(app: Umbel):
    parent = AsyncResult("a", app=app)
    child = AsyncResult("b", app=app, parent=parent)
    assert child.as_tuple() == (("b", (("a", None), None)), None)
    again = result_from_tuple(msgspec.to_builtins(child.as_tuple()), app)
    assert (again, again.parent, again.parent.parent) == (child, parent, None)
    assert str(child) == "b"
    assert {child, again} == {"b"}


def test_an_error_of_an_earlier_task_of_a_chain(app: Umbel, worker):
    @app.task
    def fail():
        raise ValueError("first")

    failed = fail.delay()
    worker.drain()
    with pytest.raises(ValueError, match="first"):
        AsyncResult("later", app=app, parent=failed).get(timeout=0)


def test_an_app_that_keeps_no_results():
    app = Umbel("x", broker="memory://none", backend="disabled")
    with pytest.raises(ImproperlyConfigured, match="result_backend"):
        app.AsyncResult("id").get()


def test_a_signature_is_sent_by_name(app: Umbel, worker):
    @app.task(name="proj.add")
    def add(x, y):
        return x + y

    results = [signature("proj.add", (2,), app=app).delay(1), add.s(2).apply_async((1,)), add.signature((1, 2)).delay()]
    worker.drain()
    assert [result.get(timeout=0) for result in results] == [3, 3, 3]


def test_remote_tracebacks_when_asked(app: Umbel, worker):
    @app.task
    def fail():
        raise ValueError("bad")

    result = fail.delay()
    worker.drain()
    app.conf.task_remote_tracebacks = True
    with pytest.raises(ValueError, match="bad") as caught:
        result.get(timeout=0)
    assert "fail" in caught.value.__notes__[0]


def test_content_that_is_not_accepted(app: Umbel, worker):
    @app.task
    def work():
        return 1

    result = work.delay()
    worker.drain()
    app.conf.result_accept_content = ["pickle"]
    with pytest.raises(ContentDisallowed, match="application/json"):
        result.get(timeout=0)


def test_a_json_result_is_read_whatever_the_serializer(app: Umbel, worker):
    @app.task
    def work():
        return [1]

    result = work.delay()
    worker.drain()
    app.conf.update(result_serializer="pickle", accept_content=["json", "pickle"])
    assert result.get(timeout=0) == [1]
