"""The seams that tracers replace: around a run, around sending, around a child's working life."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from umbel import Umbel, signals
from umbel.app.producing import Producer
from umbel.exceptions import ImproperlyConfigured
from umbel.task import tracing
from umbel.testing.worker import InProcessWorker
from umbel.worker.workloop import Worker

_numbers = itertools.count()


@pytest.fixture
def app() -> Iterator[Umbel]:
    with Umbel("traced", broker=f"memory://tracers-{next(_numbers)}", set_as_current=False) as made:
        yield made


@pytest.fixture
def add(app: Umbel):
    @app.task(name="add")
    def add(x, y):
        return x + y

    return add


def replaced(monkeypatch: pytest.MonkeyPatch, around) -> list[str]:
    """Put a tracer around all tasks; returns the names for which one was built."""
    built: list[str] = []
    inner = tracing.build_tracer

    def build_tracer(name, task, *args, **kwargs):
        built.append(name)
        tracer = inner(name, task, *args, **kwargs)
        return lambda uuid, args, kwargs, request: around(tracer, uuid, args, kwargs, request)

    monkeypatch.setattr(tracing, "build_tracer", build_tracer)
    return built


def drained(app: Umbel) -> None:
    with InProcessWorker(app) as worker:
        worker.drain()


def test_a_tracer_is_around_signals_and_function(app: Umbel, add, monkeypatch):
    seen = []

    def around(tracer, uuid, args, kwargs, request):
        seen.append(("before", uuid, args, kwargs, request.get("headers"), request["id"], request.retries))
        assert request.get("nothing", 5) == 5
        with pytest.raises(KeyError):
            request["nothing"]
        assert tracer(uuid, args, kwargs, request) is None
        tracer(uuid, args, kwargs, request)  # once more does nothing
        seen.append("after")

    def prerun(**kwargs):
        seen.append("prerun")

    built = replaced(monkeypatch, around)
    signals.task_prerun.connect(prerun)
    try:
        one = add.apply_async((1, 2), headers={"trace": "abc"})
        two = add.delay(3, y=4)
        drained(app)
    finally:
        signals.task_prerun.disconnect(prerun)
    assert (one.get(timeout=0), two.get(timeout=0)) == (3, 7)
    assert seen == [
        ("before", one.id, [1, 2], {}, {"trace": "abc"}, one.id, 0), "prerun", "after",
        ("before", two.id, [3], {"y": 4}, None, two.id, 0), "prerun", "after",
    ]  # fmt: skip
    assert built == ["add"]


def test_whatever_a_tracer_does_the_outcome_stands(app: Umbel, add, monkeypatch):
    ways = iter(["never", "before", "behind"])

    def around(tracer, *call):
        way = next(ways)
        if way == "before":
            raise RuntimeError(way)
        if way == "behind":
            tracer(*call)
            raise RuntimeError(way)

    replaced(monkeypatch, around)
    results = [add.delay(n, 0) for n in range(3)]
    drained(app)
    assert [one.get(timeout=0) for one in results] == [0, 1, 2]


def test_one_that_cannot_be_built_is_left_out(app: Umbel, add, monkeypatch):
    def build_tracer(*args, **kwargs):
        raise RuntimeError("no")

    monkeypatch.setattr(tracing, "build_tracer", build_tracer)
    result = add.delay(1, 1)
    drained(app)
    assert result.get(timeout=0) == 2


def test_a_coroutine_runs_without(app: Umbel, monkeypatch):
    @app.task(name="wait")
    async def wait():
        return "done"

    built = replaced(monkeypatch, lambda tracer, *call: tracer(*call))
    result = wait.delay()
    drained(app)
    assert (result.get(timeout=0), built) == ("done", [])


def test_each_message_goes_through_the_producer(app: Umbel, add, monkeypatch):
    seen = []
    inner = Producer.publish

    def publish(self, *args, **kwargs):
        seen.append((kwargs["headers"]["id"], kwargs["routing_key"], self.connection.transport.driver_type))
        return inner(self, *args, **kwargs)

    monkeypatch.setattr(Producer, "publish", publish)
    one, *many = [add.delay(1, 2), *add.delay_many([(3, 4), (5, 6)])]
    assert seen == [(result.id, "celery", "memory") for result in (one, *many)]
    drained(app)
    assert [result.get(timeout=0) for result in (one, *many)] == [3, 7, 11]


def test_a_producer_of_ones_own_says_what_to_do(app: Umbel):
    with pytest.raises(ImproperlyConfigured, match=r"call a task, or app.send_task\(\)"):
        Producer(app.connection()).publish(b"")


def test_a_child_is_a_worker_whose_workloop_is_its_loop():
    class Child(Worker):
        looped = 0

        def loop(self):
            self.looped += 1

    child = Child()
    child.workloop()
    assert child.looped == 1


def test_what_a_class_of_task_replaces(app: Umbel, add):
    class Own(app.Task):
        def __call__(self, *args, **kwargs):
            return super().__call__(*args, **kwargs)

    own = app.task(base=Own, name="own")(lambda: 1)
    assert (tracing.task_has_custom(own, "__call__"), tracing.task_has_custom(add, "__call__")) == (True, False)


@pytest.mark.parametrize("throws", [KeyError, (KeyError,), [KeyError]])
def test_what_a_task_may_throw_is_one_class_or_several(app: Umbel, throws):
    @app.task(name="boom", throws=throws)
    def boom():
        raise KeyError("expected")

    result = boom.delay()
    drained(app)
    assert repr(result.get(timeout=0, propagate=False)) == "KeyError('expected')"
