"""`apply()` and `task_always_eager`: the task in the caller, with everything a worker would do to it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.calling.support import stored
from umbel import EagerResult, Ignore, Reject, Task, Umbel, signals
from umbel.exceptions import EncodeError


class Person(msgspec.Struct):
    name: str


class Broken(Exception):
    pass


class Told(Task):
    """Writes down which hooks were called."""

    def __init__(self):
        self.told = []

    def before_start(self, task_id, args, kwargs):
        self.told.append(("before_start", tuple(args)))

    def on_success(self, retval, task_id, args, kwargs):
        self.told.append(("on_success", retval))

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        self.told.append(("on_failure", type(exc).__name__, einfo.type.__name__, "Traceback" in str(einfo)))

    def on_retry(self, exc, task_id, args, kwargs, einfo):
        self.told.append(("on_retry", type(exc).__name__))

    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        self.told.append(("after_return", status))


def test_result_of_a_run(app: Umbel):
    @app.task(bind=True)
    def add(self, x, y):
        return [x + y, self.request.is_eager, self.request.called_directly, self.request.retries]

    result = add.apply((2, 3), task_id="own")
    assert isinstance(result, EagerResult)
    assert result.get() == [5, True, False, 0]
    assert (result.id, result.state, result.ready(), result.successful(), result.name) == (
        "own", "SUCCESS", True, True, add.name,
    )  # fmt: skip
    assert stored(app) == []


def test_arguments_and_result_travel(app: Umbel):
    @app.task
    def swap(person: Person, pair) -> list[Person]:
        assert isinstance(pair, list), "a tuple arrives as a list"
        return [person]

    assert swap.apply((Person("Ann"), (1, 2))).get() == [Person("Ann")]

    @app.task
    def bad():
        return object()

    assert isinstance(bad.apply().result, EncodeError)
    with pytest.raises(EncodeError):
        swap.apply((object(), ()))


def test_failure_is_kept_or_raised(app: Umbel):
    @app.task
    def fail():
        raise Broken("no")

    result = fail.apply()
    assert (result.state, result.failed(), str(result.result)) == ("FAILURE", True, "no")
    assert "Broken: no" in result.traceback
    with pytest.raises(Broken):
        result.get()
    assert isinstance(result.get(propagate=False), Broken)
    with pytest.raises(Broken):
        fail.apply(throw=True)
    app.conf.task_eager_propagates = True
    with pytest.raises(Broken):
        fail.apply()


def test_hooks_in_order(app: Umbel):
    @app.task(bind=True, base=Told, max_retries=1)
    def flaky(self, x):
        if x == "fail":
            raise Broken
        if x == "retry" and not self.request.retries:
            raise self.retry(exc=Broken(), countdown=3600)
        return x

    flaky.apply(("fine",))
    assert flaky.told == [("before_start", ("fine",)), ("on_success", "fine"), ("after_return", "SUCCESS")]
    flaky.told.clear()
    flaky.apply(("fail",))
    assert flaky.told[1:] == [("on_failure", "Broken", "Broken", True), ("after_return", "FAILURE")]
    flaky.told.clear()
    assert flaky.apply(("retry",)).get() == "retry"
    assert [told[:2] for told in flaky.told] == [
        ("before_start", ("retry",)), ("on_retry", "Broken"), ("after_return", "RETRY"), ("before_start", ("retry",)),
        ("on_success", "retry"), ("after_return", "SUCCESS"),
    ]  # fmt: skip


def test_retries_at_once_until_given_up(app: Umbel):
    runs = []

    @app.task(bind=True, max_retries=2)
    def flaky(self):
        runs.append(self.request.retries)
        raise self.retry(exc=Broken(), countdown=3600)

    result = flaky.apply()
    assert (runs, result.state, type(result.result)) == ([0, 1, 2], "FAILURE", Broken)


@pytest.mark.parametrize(("raised", "state"), [(Ignore(), "IGNORED"), (Reject("no"), "REJECTED")])
def test_predicates(app: Umbel, raised, state):
    @app.task
    def work():
        raise raised

    assert work.apply().state == state


def test_coroutine_functions(app: Umbel):
    @app.task
    async def work(x):
        await asyncio.sleep(0)
        return x + 1

    assert work.apply((1,)).get() == 2

    async def inside():
        return work.apply((2,)).get(), await work(3)

    assert asyncio.run(inside()) == (3, 4)


def test_callbacks_and_errbacks_run_here(app: Umbel):
    heard = []

    @app.task
    def work(x):
        if x < 0:
            raise Broken("no")
        return x

    @app.task
    def after(value, more=None):
        heard.append(("after", value, more))

    @app.task
    def old_style(task_id):
        heard.append(("old", task_id))

    @app.task
    def new_style(request, exc, traceback):
        heard.append(("new", request.id, str(exc), "Traceback" in traceback))

    work.apply((1,), link=[after.s(), after.s("x"), after.si("fixed")], task_id="a")
    work.apply((-1,), link_error=[old_style.s(), new_style.s()], task_id="b")
    assert heard == [
        ("after", 1, None), ("after", 1, "x"), ("after", "fixed", None), ("old", "b"), ("new", "b", "no", True),
    ]  # fmt: skip


def test_signals(app: Umbel):
    heard = []
    names = ("task_prerun", "task_success", "task_failure", "task_postrun")

    @app.task
    def work(x):
        return 1 / x

    passed = {}

    def listen(name):
        def receive(signal, sender, **about):
            heard.append((name, sender.name == work.name))
            passed[name] = set(about)

        return receive

    receivers = {name: listen(name) for name in names}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver, weak=False)
    try:
        work.apply((1,))
        work.apply((0,))
    finally:
        for name, receiver in receivers.items():
            getattr(signals, name).disconnect(receiver)
    assert [name for name, own in heard if own] == [
        "task_prerun", "task_success", "task_postrun", "task_prerun", "task_failure", "task_postrun",
    ]  # fmt: skip
    assert passed == {name: getattr(signals, name).providing_args for name in names}


def test_a_class_with_a_call_of_its_own(app: Umbel):
    class Wrapped(Task):
        def __call__(self, *args, **kwargs):
            return ["wrapped", super().__call__(*args, **kwargs)]

    @app.task(bind=True, base=Wrapped)
    def work(self, x):
        return [x, self.request.id]

    assert work.apply((1,), task_id="own").get() == ["wrapped", [1, "own"]]


def test_always_eager(app: Umbel):
    @app.task
    def add(x, y):
        return x + y

    app.conf.task_always_eager = True
    result = add.apply_async((1, 2), countdown=3600, queue="q", link=None)
    assert (type(result), result.get()) == (EagerResult, 3)
    assert [one.get() for one in add.delay_many([(1, 2), (3, 4)])] == [3, 7]
    assert asyncio.run(waited(add)) == 9
    with pytest.raises(TypeError):
        add.delay(1)
    assert stored(app) == []


async def waited(add):
    return await (await add.adelay(4, 5))


def test_eager_results_are_stored_when_asked(app: Umbel):
    app.conf.task_store_eager_result = True

    @app.task
    def work(x):
        return 1 / x

    assert app.AsyncResult(work.apply((2,)).id).get(timeout=0) == 0.5
    with pytest.raises(ZeroDivisionError):
        app.AsyncResult(work.apply((0,)).id).get(timeout=0)


def test_parent_and_root_of_nested_runs(app: Umbel):
    @app.task(bind=True)
    def inner(self):
        return [self.request.root_id, self.request.parent_id]

    @app.task
    def outer():
        return inner.apply().get()

    assert outer.apply(task_id="o").get() == ["o", "o"]
