"""Retrying: what the next attempt carries, and when there is none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from tests.calling.support import decoded, only, stored
from umbel import Ignore, MaxRetriesExceededError, Reject, Retry, Umbel
from umbel.context import Context
from umbel.current import pop_request, push_request
from umbel.message import Delivery, Envelope
from umbel.retry import rebound
from umbel.testing.clock import moved_clock


class Broken(Exception):
    pass


def request_of(parcel, hostname="w1@host") -> Context:
    """The request that a worker makes of a message."""
    envelope = msgspec.json.decode(parcel.head, type=Envelope)
    args, kwargs, embed = msgspec.json.decode(parcel.body)
    delivery = Delivery(1, 1, parcel.queue, parcel.head, parcel.body, parcel.priority)
    return Context(envelope.headers, envelope, args, kwargs, embed, delivery, hostname)


def run(task, parcel):
    """Run a message as a worker does; returns what was raised."""
    request = request_of(parcel)
    token = push_request(task, request)
    try:
        value = task.run(*request.args, **request.kwargs)
        return asyncio.run(value) if task.is_async else value
    except Exception as error:
        return error
    finally:
        pop_request(token)


def test_the_next_attempt_is_the_same_message_once_more(app: Umbel):
    @app.task(bind=True, name="t")
    def flaky(self, x, y=0):
        raise self.retry(exc=Broken("no"), countdown=30)

    flaky.apply_async(
        (1,), {"y": 2}, queue="q", priority=4, headers={"tenant": "acme", "x-death": "1"}, shadow="shown", time_limit=9,
        soft_time_limit=5, link=flaky.s(), link_error=flaky.si(0), group_id="g", group_index=2, root_id="root",
        parent_id="parent", expires=datetime(2035, 1, 1, tzinfo=UTC), ignore_result=True, reply_to="me",
        stamped_headers=["batch"], batch="b-1",
    )  # fmt: skip
    first = only(app)
    with moved_clock(ticking=False) as hands:
        raised = run(flaky, first.parcel)
        due = hands.wall() + 30
    again = decoded(raised.parcel)
    assert isinstance(raised.exc, Broken)
    assert raised.when == 30
    differing = {name for name in first.headers if again.headers.get(name) != first.headers[name]}
    assert differing == {"retries", "eta", "x-death"}
    assert (again.headers["retries"], "x-death" in again.headers) == (1, False)
    assert again.body == first.body
    assert (again.parcel.queue, again.parcel.priority, again.parcel.id) == ("q", 4, first.parcel.id)
    assert again.parcel.due == pytest.approx(due, abs=1e-3)
    assert again.properties["reply_to"] == "me"
    assert stored(app)[1:] == [], "the worker stores it with its outcome"


def test_the_delay_is_the_tasks_own_unless_given(app: Umbel):
    @app.task(bind=True, default_retry_delay=7)
    def flaky(self):
        raise self.retry()

    flaky.delay()
    with moved_clock(ticking=False) as hands:
        assert run(flaky, only(app).parcel).parcel.due == pytest.approx(hands.wall() + 7, abs=1e-3)


def test_eta_wins(app: Umbel):
    @app.task(bind=True)
    def flaky(self):
        raise self.retry(eta=datetime(2035, 1, 1, tzinfo=UTC))

    flaky.delay()
    again = run(flaky, only(app).parcel).parcel
    assert again.due == datetime(2035, 1, 1, tzinfo=UTC).timestamp()


def attempts(app: Umbel, task, parcel):
    """Run until no retry follows; returns the number of runs and the last word."""
    for number in range(1, 50):
        word = run(task, parcel)
        if not isinstance(word, Retry):
            return number, word
        parcel = word.parcel
    raise AssertionError("it never ends")


def test_given_up_with_its_own_error(app: Umbel):
    @app.task(bind=True, max_retries=2)
    def flaky(self):
        raise self.retry(exc=Broken("no"))

    flaky.delay()
    number, word = attempts(app, flaky, only(app).parcel)
    assert (number, type(word)) == (3, Broken)


def test_given_up_without_an_error(app: Umbel):
    @app.task(bind=True, max_retries=1, name="t")
    def flaky(self, x):
        raise self.retry()

    sent = flaky.delay(5)
    number, word = attempts(app, flaky, only(app).parcel)
    assert number == 2
    assert isinstance(word, MaxRetriesExceededError)
    assert str(word) == f"Can't retry t[{sent.id}] args:(5,) kwargs:{{}}"
    assert word.task_args == (5,)


def test_max_retries_of_the_call(app: Umbel):
    @app.task(bind=True, max_retries=0)
    def flaky(self):
        raise self.retry(exc=Broken(), max_retries=4)

    flaky.delay()
    assert attempts(app, flaky, only(app).parcel)[0] == 5
    assert flaky.override_max_retries == 4


def test_without_a_bound(app: Umbel):
    @app.task(bind=True, max_retries=None)
    def flaky(self):
        if self.request.retries == 20:
            return "done"
        raise self.retry()

    flaky.delay()
    assert attempts(app, flaky, only(app).parcel) == (21, "done")


def test_options_of_the_next_attempt(app: Umbel):
    @app.task(bind=True)
    def flaky(self, x):
        raise self.retry(args=(2,), queue="other", priority=9, countdown=0)

    flaky.delay(1)
    again = decoded(run(flaky, only(app).parcel).parcel)
    assert (again.body[0], again.parcel.queue, again.parcel.priority) == ([2], "other", 9)


def test_called_directly_it_raises_what_was_raised(app: Umbel):
    @app.task(bind=True)
    def flaky(self):
        try:
            raise Broken("no")
        except Broken as error:
            raise self.retry(exc=error)  # noqa: B904 - as users write it

    with pytest.raises(Broken):
        flaky()
    with pytest.raises(Retry, match="can be retried"):
        flaky.retry()


def test_not_thrown_it_is_sent_at_once(app: Umbel):
    @app.task(bind=True)
    def flaky(self):
        return type(self.retry(throw=False)).__name__

    flaky.delay()
    assert run(flaky, only(app).parcel) == "Retry"
    assert [message.headers["retries"] for message in stored(app)] == [0, 1]


def test_a_next_attempt_that_cannot_be_built_sets_the_message_aside(app: Umbel):
    @app.task(bind=True)
    def flaky(self, x=None):
        raise self.retry(args=(object(),))

    flaky.delay()
    word = run(flaky, only(app).parcel)
    assert isinstance(word, Reject)
    assert word.requeue is False


@pytest.mark.parametrize(
    ("old", "args", "kwargs", "new"),
    [
        (((1, 2), {"z": 3}), None, None, ((1, 2), {"z": 3})),
        (((1, 2), {"z": 3}), (9,), {}, ((9,), {})),
        (((), {"x": 1, "y": 2}), (9,), None, ((9,), {"y": 2})),
        (((1, 2), {}), None, {"y": 5}, ((1,), {"y": 5})),
        (((1, 2), {}), None, {"x": 5}, ((), {"x": 5, "y": 2})),
        (((1, 2), {}), None, {"z": 5}, ((1, 2), {"z": 5})),
        (((1, 2, 3, 4, 5), {}), None, {"y": 9}, ((1, 9, 3, 4, 5), {})),
    ],
)
def test_arguments_when_only_one_kind_is_given(old, args, kwargs, new):
    assert rebound(("x", "y", "z"), old, args, kwargs) == new


@pytest.mark.parametrize("is_async", [False, True])
def test_autoretry(app: Umbel, is_async):
    def work(self, times):
        if self.request.retries < times:
            raise Broken(self.request.retries)
        return self.request.retries

    async def awork(self, times):
        return work(self, times)

    task = app.task(bind=True, autoretry_for=(Broken,), retry_kwargs={"max_retries": 2, "countdown": 0})(
        awork if is_async else work
    )
    task.delay(2)
    task.delay(3)
    fits, too_many = stored(app)
    assert attempts(app, task, fits.parcel) == (3, 2)
    number, word = attempts(app, task, too_many.parcel)
    assert (number, type(word)) == (3, Broken)


def test_autoretry_with_backoff(app: Umbel):
    @app.task(autoretry_for=(Broken,), retry_backoff=2, retry_backoff_max=10, retry_jitter=False, max_retries=9)
    def work():
        raise Broken

    work.delay()
    parcel, waits = only(app).parcel, []
    for _ in range(5):
        word = run(work, parcel)
        parcel = word.parcel
        waits.append(word.when)
    assert waits == [2, 4, 8, 10, 10]


def test_autoretry_with_jitter_stays_below(app: Umbel):
    @app.task(autoretry_for=(Broken,), retry_backoff=True, max_retries=None)
    def work():
        raise Broken

    work.delay()
    parcel, waits = only(app).parcel, []
    for _ in range(12):
        word = run(work, parcel)
        parcel = word.parcel
        waits.append(word.when)
    assert all(0 <= wait <= min(600, 2**number) for number, wait in enumerate(waits))
    assert len(set(waits)) > 3


PASSING = [Ignore("x"), Retry("x", None, 1), KeyError("x")]


@pytest.mark.parametrize("error", [*PASSING, Reject("x"), ValueError("x")], ids=lambda error: type(error).__name__)
def test_autoretry_lets_pass(app: Umbel, error):
    @app.task(autoretry_for=(Exception,), dont_autoretry_for=(KeyError,))
    def work():
        raise error

    work.delay()
    word = run(work, only(app).parcel)
    if error in PASSING:
        assert word is error
    else:
        assert isinstance(word, Retry)
        assert word.exc is error
