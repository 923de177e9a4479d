"""Tasks with a strategy of their own: their messages are gathered and run together, over the real loop."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator

import pytest

from tests.support.until import until
from umbel import Task, Umbel, chord
from umbel.exceptions import TimeLimitExceeded
from umbel.loading import symbol_by_name
from umbel.testing.clock import moved_clock
from umbel.testing.worker import InProcessWorker
from umbel.worker import gathering
from umbel.worker.strategies import create_request_cls, default

_numbers = itertools.count()


class Bundle(Task):
    """Three calls at once, or what there is after ten seconds."""

    abstract = True
    typing = False
    most = 3
    after = 10.0
    early = False

    def Strategy(self, task, app, consumer):  # noqa: N802 - the name of the hook
        kept = []
        request_class = create_request_cls(
            symbol_by_name(task.Request), task, consumer.pool, consumer.hostname, consumer.event_dispatcher, app=app
        )

        def flush():
            requests = [(request, request.payload[0]) for request in kept]
            kept.clear()
            if not requests:
                return
            bundle = [Call(request.id, args) for request, args in requests]

            def done(value):
                for request, _ in requests:
                    if self.acknowledges(request):
                        request.acknowledge()

            consumer.pool.apply_async(run, (self, bundle), callback=done)

        def handle(message, body, ack, reject, callbacks, **kw):
            assert body is None
            assert "args" not in message.payload
            kept.append(request_class(message, on_ack=ack, on_reject=reject, app=app, task=task))
            if len(kept) == self.most:
                flush()

        consumer.timer.call_repeatedly(self.after, flush)
        return handle

    def acknowledges(self, request):
        return True


class Call:
    def __init__(self, id, args):
        self.id = id
        self.args = args


def run(task, bundle):
    return task.run(bundle)


@pytest.fixture
def app() -> Iterator[Umbel]:
    with Umbel("gathering", broker=f"memory://gathering-{next(_numbers)}", set_as_current=False) as made:
        yield made


@pytest.fixture(params=["solo", "thread"])
def pool(request) -> str:
    return request.param


def numbers(bundle) -> list[int]:
    return [call.args[0] for call in bundle]


def test_calls_are_gathered_and_run_together(app: Umbel, pool: str):
    seen = []

    @app.task(base=Bundle, name="many")
    def many(bundle):
        seen.append(numbers(bundle))
        for call in bundle:
            app.backend.mark_as_done(call.id, sum(numbers(bundle)))

    with moved_clock() as clock, InProcessWorker(app, pool=pool) as worker:
        results = [many.delay(number) for number in range(7)]
        worker.drain()
        assert seen == [[0, 1, 2], [3, 4, 5]]
        assert [result.state for result in results] == ["SUCCESS"] * 6 + ["PENDING"]
        clock.advance(11)
        worker.drain()
    assert seen[2:] == [[6]]
    assert [result.get(timeout=0) for result in results] == [3, 3, 3, 12, 12, 12, 6]
    with InProcessWorker(app) as worker:  # acknowledged: nothing is left
        worker.drain()
    assert len(seen) == 3


def test_what_was_gathered_is_another_worker_s_when_this_one_ends(app: Umbel, pool: str):
    seen = []

    @app.task(base=Bundle, name="many")
    def many(bundle):
        seen.append(numbers(bundle))

    for number in range(2):
        many.delay(number)
    with InProcessWorker(app, pool=pool) as worker:
        worker.drain()
    assert seen == []
    many.delay(2)
    with InProcessWorker(app, pool=pool) as worker:
        worker.drain()
    assert [sorted(one) for one in seen] == [[0, 1, 2]]


def test_other_tasks_run_meanwhile(app: Umbel, pool: str):
    many = app.task(base=Bundle, name="many")(len)
    add = app.task(name="add")(lambda x, y: x + y)
    many.delay(1)
    result = add.delay(2, 3)
    with InProcessWorker(app, pool=pool) as worker:
        worker.drain()
        assert result.get(timeout=0) == 5
        assert many.delay(1).state == "PENDING"


def test_one_that_was_running_when_its_worker_died_is_a_batch_of_its_own(app: Umbel, monkeypatch):
    seen = []

    @app.task(base=Bundle, name="many")
    def many(bundle):
        seen.append(numbers(bundle))

    for number in range(3):
        many.delay(number)
    with InProcessWorker(app, pool="solo") as worker:
        take = worker.child.life.gathering.take

        def taken(attempt):
            if attempt.request.args == [1]:
                attempt.delivery.deaths = 1
            return take(attempt)

        monkeypatch.setattr(worker.child.life.gathering, "take", taken)
        worker.drain()
        assert seen == [[0], [1]]
        many.delay(3), many.delay(4)
        worker.drain()
    assert seen[2:] == [[2, 3, 4]]


def test_a_batch_that_a_function_keeps_waiting_goes_back(app: Umbel, monkeypatch):
    """The strategy's time has come, and the thread that would run it is taken by another task."""
    monkeypatch.setattr(gathering, "LATE", 0.05)
    seen, back = [], []
    many = app.task(base=Bundle, name="many", after=0.05)(lambda bundle: seen.append(numbers(bundle)))

    @app.task(name="long")
    def long():
        def ready() -> int:
            with contextlib.closing(app.broker.shelf()) as shelf:
                return sum(one.ready for one in shelf.counts())

        back.append(until(ready, "another worker can have it"))

    many.delay(1)
    with InProcessWorker(app, pool="solo") as worker:
        worker.drain()
        long.delay()
        worker.drain()
        assert back == [1]
        many.delay(2), many.delay(3)
        worker.drain()  # it has come again, and runs once
    assert sorted(number for bundle in seen for number in bundle) == [1, 2, 3]


def test_what_was_given_back_is_not_run_by_its_old_strategy(app: Umbel):
    """The strategy still has the request, and gets the message a second time."""
    seen = []
    many = app.task(base=Bundle, name="many")(lambda bundle: seen.append(numbers(bundle)))
    many.delay(1)
    with InProcessWorker(app, pool="solo") as worker:
        worker.drain()
        for outcome in worker.child.life.gathering.give_back():
            worker.child.outcomes.put(outcome)
        many.delay(2)
        worker.drain()
    assert [sorted(bundle) for bundle in seen] == [[1, 2]]


def test_a_function_that_fails_fails_each_of_its_calls(app: Umbel, pool: str):
    @app.task(base=Bundle, name="many")
    def many(bundle):
        raise ValueError(len(bundle))

    with InProcessWorker(app, pool=pool) as worker:
        results = [many.delay(number) for number in range(3)]
        worker.drain()
    assert [repr(result.get(timeout=0, propagate=False)) for result in results] == ["ValueError(3)"] * 3


def test_a_hard_limit_fails_each_of_its_calls(app: Umbel, pool: str):
    stop = threading.Event()

    @app.task(base=Bundle, name="many", time_limit=0.1)
    def many(bundle):
        while not stop.wait(0.001):
            pass

    with InProcessWorker(app, pool=pool) as worker:
        results = [many.delay(number) for number in range(3)]
        worker.drain()
        stop.set()
    assert {type(result.get(timeout=0, propagate=False)) for result in results} == {TimeLimitExceeded}


def test_what_a_strategy_does_not_acknowledge_comes_again(app: Umbel):
    class Forgetful(Bundle):
        abstract = True
        seen = 0

        def acknowledges(self, request):
            self.seen += 1
            return self.seen > 1

    seen = []
    many = app.task(base=Forgetful, name="many", most=1)(lambda bundle: seen.append(numbers(bundle)))
    many.delay(7)
    with moved_clock() as clock, InProcessWorker(app, pool="solo") as worker:
        worker.drain()
        assert seen == [[7]]
        clock.advance(61)
        worker.drain()
    assert seen == [[7], [7]]


def test_a_strategy_may_leave_a_message_to_the_usual_way_or_drop_it(app: Umbel):
    class Some(Task):
        abstract = True

        def Strategy(self, task, app, consumer):  # noqa: N802 - the name of the hook
            usual = default(task, app, consumer)

            def handle(message, body, ack, reject, callbacks, **kw):
                number = message.payload[0][0]
                if number == 0:
                    ack()
                elif number == 1:
                    reject(requeue=False)
                else:
                    usual(message, body, ack, reject, callbacks, **kw)

            return handle

    seen = []
    some = app.task(base=Some, name="some")(lambda number: seen.append(number) or number)
    results = [some.delay(number) for number in range(3)]
    with InProcessWorker(app, pool="solo") as worker:
        worker.drain()
    assert seen == [2]
    assert [result.state for result in results] == ["PENDING", "FAILURE", "SUCCESS"]


def test_a_strategy_that_fails_fails_its_message(app: Umbel):
    class Wrong(Task):
        abstract = True

        def Strategy(self, task, app, consumer):  # noqa: N802 - the name of the hook
            raise RuntimeError("no strategy")

    wrong = app.task(base=Wrong, name="wrong")(lambda: None)
    result = wrong.delay()
    with InProcessWorker(app, pool="solo") as worker:
        worker.drain()
    assert repr(result.get(timeout=0, propagate=False)) == "RuntimeError('no strategy')"


def test_a_chord_does_not_wait_for_what_its_strategy_cannot_say(app: Umbel):
    many = app.task(base=Bundle, name="many", most=1)(len)
    total = app.task(name="total")(sum)
    with InProcessWorker(app, pool="solo") as worker:
        result = chord([many.s(1)], total.s()).delay()
        worker.drain()
        assert result.state == "FAILURE"
