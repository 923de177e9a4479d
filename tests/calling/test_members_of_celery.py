"""What members do that Celery's classes have and umbel's had not: those of a class of tasks, a result, an app."""

from __future__ import annotations

import pytest

from umbel import AsyncResult, EagerResult, Task, Umbel
from umbel.worker.questions import hello, logical_clock


@pytest.fixture
def add(app: Umbel):
    @app.task(name="t.add")
    def add(x, y):
        return x + y

    return add


def test_a_class_of_tasks_is_bound_and_annotated(app: Umbel):
    bound = []

    class Base(Task):
        name = "t.base"

        @classmethod
        def on_bound(cls, app):
            bound.append(app)

        def run(self):
            return "ran"

    class Named:
        def annotate(self, task):
            return {"queue": f"of.{task.name}"}

        def annotate_any(self):
            return {"default_retry_delay": 7}

    app.conf.task_annotations = [{"t.base": {"@run": lambda run: lambda self: f"around {run(self)}"}}, Named()]
    assert Base.bind(app) is app
    assert (bound, Base().app, Base.queue, Base.default_retry_delay) == ([app], app, "of.t.base", 7)
    assert Base().run() == "around ran"
    Base.add_around("run", lambda run: lambda self: f"other {run(self)}")
    assert Base().run() == "other ran"


def test_annotations_by_name_of_a_class(app: Umbel):
    app.conf.task_annotations = f"{__name__}:Slowly"

    @app.task(name="t.slow")
    def slow(): ...

    assert app.tasks["t.slow"].rate_limit == "1/m"


class Slowly:
    def annotate(self, task):
        return {"rate_limit": "1/m"} if task.name == "t.slow" else None


def test_requests_of_a_task(app: Umbel, add: Task):
    assert (add.request_stack.top, len(add.request_stack), add.request_stack.pop()) == (None, 0, None)
    add.push_request(id="one")
    add.request_stack.push(type(add.request)(add.request.wire))
    assert [len(add.request_stack), add.request_stack.top is add.request_stack.stack[-1]] == [2, True]
    add.request_stack.pop()
    assert add.request_stack.top.id == add.request.id == "one"
    add.pop_request()
    assert add.request_stack.stack == []


def test_backends_of_tasks_and_results(app: Umbel, add: Task):
    mine = app.backend()
    assert mine is not None
    result = app.AsyncResult("an-id")
    assert [add.backend, result.backend, app.ResultSet([result]).backend] == [mine, mine, mine]
    assert (result.supports_native_join, EagerResult("an-id", 1, "SUCCESS").backend) == (True, None)
    with Umbel("none", broker="memory://", backend="disabled", set_as_current=False) as without:
        assert without.AsyncResult("an-id").supports_native_join is False


def test_whoever_waits_for_a_result_is_told_that_it_is_given_up(app: Umbel):
    told = []
    result: AsyncResult = app.AsyncResult("an-id")
    result.then(told.append, on_error=lambda error: told.append(str(error)))
    with pytest.raises(LookupError):
        result.throw(LookupError("gone"))
    assert told == ["gone"]
    result.throw(LookupError("again"), propagate=False)
    with pytest.raises(TypeError, match="needs an exception"):
        result.throw()
    assert told == ["gone"]


def test_a_result_revokes_what_is_stamped_so(app: Umbel):
    app.AsyncResult("an-id").revoke_by_stamped_headers({"order": [7, 8]}, terminate=True, signal="KILL")
    with app.control:
        control = app.broker.control()
        found = {entry.id: (entry.terminate, entry.signal) for entry in control.revoked(0)[1]}
        control.close()
    assert found == {"stamp:order=7": (True, "SIGKILL"), "stamp:order=8": (True, "SIGKILL")}


def test_what_waits_is_purged(app: Umbel, add: Task):
    app.conf.task_queues = ["celery", "letters"]
    add.delay(1, 2)
    add.apply_async((1, 2), queue="letters")
    assert (app.control.purge(), app.control.discard_all()) == (2, 0)


def test_the_app_s_own_classes(app: Umbel, add: Task):
    class Mail(app.create_task_cls()):  # type: ignore[misc]  # made by a function
        name = "t.mail"

    assert (Mail().app, Mail.__mro__[1].abstract, Mail.abstract) == (app, True, False)
    assert app.current_worker_task is None
    assert app.uses_utc_timezone()
    app.conf.timezone = "Europe/Berlin"
    assert not app.uses_utc_timezone()
    assert app.oid == app.thread_oid != ""
    assert app.control.inspect().app is app


def test_the_running_task_past_those_that_it_calls(app: Umbel, add: Task):
    @app.task(name="t.inner")
    def inner():
        return app.current_task.name, app.current_worker_task.name

    @app.task(name="t.outer")
    def outer():
        return inner()

    assert outer.apply().get() == ["t.inner", "t.outer"]


def test_a_worker_made_by_the_app(app: Umbel, monkeypatch: pytest.MonkeyPatch):
    lines: list[list[str]] = []
    monkeypatch.setattr(app, "start", lambda words: lines.append(words) or 3)
    worker = app.Worker(hostname="w1@%h", queues=["a", "b"], task_events=True, purge=False, concurrency=2)
    assert (worker.exitcode, worker.start(), worker.exitcode) == (None, 3, 3)
    assert lines == [["worker", "--hostname=w1@%h", "--queues=a,b", "--task-events", "--concurrency=2"]]


class Asked:
    """What the commands about the clock see of a worker."""

    def __init__(self, app: Umbel) -> None:
        self.app = app
        self.hostname = "w1@here"
        self.control = app.broker.control()


def test_the_logical_clock_is_that_of_the_events(app: Umbel):
    state = Asked(app)
    before = app.clock.forward()
    assert logical_clock(state) == {"clock": before}
    said = hello(state, from_node="other@here")
    assert said == {"revoked": [], "clock": app.events.clock.value}
    assert said["clock"] > before
    assert hello(state, from_node="w1@here") is None
    state.control.close()
