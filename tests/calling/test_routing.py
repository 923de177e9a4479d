"""Exchanges, functions and limits of queues, from the call to the store and back out of a worker."""

from __future__ import annotations

import re

import pytest

from tests.calling.support import only, stored
from umbel import Priority, Umbel, signals
from umbel.exceptions import ImproperlyConfigured, QueueFull, QueueNotFound
from umbel.routing import Broadcast, Exchange, Queue, binding
from umbel.testing.worker import InProcessWorker

MEDIA = Exchange("media", "topic")
QUEUES = [
    Queue("celery"),
    Queue("video", MEDIA, "media.video.#", max_priority=3),
    Queue("all", MEDIA, "media.#"),
    Queue("left", Exchange("news", "fanout"), "left", max_priority=5),
]
VIDEO = {"exchange": "media", "routing_key": "media.video.mp4"}


@pytest.fixture
def ran():
    return []


@pytest.fixture
def work(app: Umbel, ran):
    app.conf.task_queues = QUEUES

    @app.task(name="proj.work", bind=True)
    def work(self, x):
        ran.append((self.request.came_from, self.request.delivery_info, x))
        return x

    return work


def queues(app: Umbel):
    return sorted(message.parcel.queue for message in stored(app))


def test_one_message_for_each_bound_queue(app: Umbel, work):
    result = work.apply_async((1,), **VIDEO)
    first, second = stored(app)
    assert {first.parcel.queue, second.parcel.queue} == {"video", "all"}
    assert first.parcel.id == second.parcel.id == result.id
    assert (first.parcel.head, first.parcel.body) == (second.parcel.head, second.parcel.body)
    assert first.properties["delivery_info"] == VIDEO


def test_all_of_them_or_none(app: Umbel, work):
    app.conf.task_queue_max_length = {"all": 0}
    with pytest.raises(QueueFull, match="all"):
        work.apply_async((1,), **VIDEO)
    assert stored(app) == []


def test_each_queue_has_its_highest_priority(app: Umbel, work):
    work.apply_async((1,), priority=8, **VIDEO)
    work.apply_async((1,), priority=2, **VIDEO)
    work.apply_async((1,), priority=8, queue="left", routing_key="left")
    app.conf.task_queue_max_priority = 4
    work.apply_async((1,), priority=9)
    work.apply_async((1,), priority=9, queue="made-up")
    found = [(message.parcel.queue, message.parcel.priority, message.properties["priority"]) for message in stored(app)]
    assert sorted(found) == [
        ("all", 2, 2), ("all", 8, 8), ("celery", 4, 9), ("left", 5, 8), ("made-up", 4, 9), ("video", 2, 2),
        ("video", 3, 8),
    ]  # fmt: skip


def test_where_0_is_urgent_words_turn_and_queues_have_no_bound(work):
    pytest.importorskip("redis")
    app = Umbel("r", broker="redis://127.0.0.1:1/0", set_as_current=False, task_queues=[Queue("q", max_priority=3)])
    found = {given: app.build("a", (), {}, queue="q", priority=given).priority for given in (*Priority, 8, 1)}
    assert found == {Priority.HIGH: 0, Priority.NORMAL: 4, Priority.LOW: 9, 8: 8, 1: 1}


def test_receivers_hear_of_it_once(app: Umbel, work):
    heard = []

    def before(exchange, routing_key, **kwargs):
        heard.append(("before", exchange, routing_key))

    def after(exchange, routing_key, **kwargs):
        heard.append(("after", exchange, routing_key))

    signals.before_task_publish.connect(before)
    signals.after_task_publish.connect(after)
    try:
        work.apply_async((1,), **VIDEO)
        work.delay_many([(1,), (2,)])
    finally:
        signals.before_task_publish.disconnect(before)
        signals.after_task_publish.disconnect(after)
    assert heard == [
        ("before", "media", "media.video.mp4"), ("after", "media", "media.video.mp4"),
        *[("before", "", "celery")] * 2, *[("after", "", "celery")] * 2,
    ]  # fmt: skip


def test_the_request_tells_exchange_key_and_queue(app: Umbel, work, ran):
    work.apply_async((1,), **VIDEO)
    with InProcessWorker(app) as worker:
        worker.drain()
    assert sorted(queue for queue, _info, _x in ran) == ["all", "video"]
    assert [info for _queue, info, _x in ran] == [{**VIDEO, "priority": 0, "redelivered": False}] * 2


async def _by_coroutines(work):
    result = await work.aapply_async((1,), **VIDEO)
    many = await work.aapply_async_many([((2,), None)], **VIDEO)
    return result, many


@pytest.mark.asyncio
async def test_coroutines_reach_them_too(app: Umbel, work):
    _result, many = await _by_coroutines(work)
    assert queues(app) == ["all", "all", "video", "video"]
    assert len(many) == 1


def test_bulk_calls_reach_them_in_one_step_each(app: Umbel, work, monkeypatch):
    steps = []
    monkeypatch.setattr("umbel.bulk.MOST", 2)
    publish = app.publish
    monkeypatch.setattr(app, "publish", lambda parcels, policy: (steps.append(parcels), publish(parcels, policy)))
    monkeypatch.setattr("umbel.task.calls.batches", lambda stream: iter([[*stream][:2]]))
    results = work.apply_async_many([((1,), None), ((2,), None)], **VIDEO)
    (step,) = steps
    assert [parcel.id for parcel in step[:2]] == [result.id for result in results]
    assert sorted((parcel.id, parcel.queue) for parcel in step) == sorted(
        (result.id, queue) for result in results for queue in ("all", "video")
    )


def test_send_task_and_callbacks_reach_them(app: Umbel, work, ran):
    app.send_task("proj.work", (1,), **VIDEO)
    assert queues(app) == ["all", "video"]
    work.apply_async((5,), link=work.s().set(**VIDEO))
    with InProcessWorker(app, queues=("celery",)) as worker:
        worker.drain()
    assert queues(app) == ["all", "all", "video", "video"]


def test_an_errback_reaches_them(app: Umbel, work):
    @app.task(name="proj.fail")
    def fail():
        raise RuntimeError("no")

    fail.apply_async(link_error=work.si(1).set(**VIDEO))
    with InProcessWorker(app, queues=("celery",)) as worker:
        worker.drain()
    assert queues(app) == ["all", "video"]


@pytest.mark.parametrize("known", [True, False])
def test_a_retry_goes_back_to_the_queue_that_it_came_from(app: Umbel, work, ran, known):
    @app.task(name="proj.again", bind=True)
    def again(self):
        ran.append((self.request.came_from, self.request.delivery_info["exchange"], self.request.retries))
        if not self.request.retries:
            raise self.retry(countdown=0)

    again.apply_async(**VIDEO)
    if not known:  # the exchange was declared by the sender only
        app.conf.task_queues = ["elsewhere"]
    with InProcessWorker(app, queues=("all", "video")) as worker:
        worker.drain()
    expected = [(queue, "media", retries) for queue in ("all", "video") for retries in (0, 1)]
    assert sorted(ran) == expected


@pytest.mark.parametrize(
    "queue",
    [
        Queue("shelf"),
        Queue("shelf", [binding("x", "k")]),
        Queue("shelf", "x"),
        Queue("shelf", Exchange("x", "topic"), "#"),
    ],
)
def test_a_queue_travels_with_a_callback(app: Umbel, work, queue):
    work.apply_async((1,), queue=queue)
    work.apply_async((1,), link=work.s().set(queue=queue))
    with InProcessWorker(app, queues=("celery",)) as worker:
        worker.drain()
    sent, called_back = stored(app)
    assert sent.parcel.queue == called_back.parcel.queue == "shelf"
    assert sent.properties["delivery_info"] == called_back.properties["delivery_info"]


def test_a_queue_of_an_eager_call(app: Umbel, work, ran):
    work.apply((1,), queue=Queue("shelf"))
    assert ran[0][1]["routing_key"] == "shelf"


def test_the_exchange_says_whether_messages_outlive_the_server(app: Umbel, work):
    app.conf.task_queues = [Queue("celery"), Queue("brief", Exchange("brief", delivery_mode=1))]
    work.apply_async((1,), queue="brief")
    work.apply_async((1,), queue="brief", delivery_mode=2)
    work.delay(1)
    assert [message.properties["delivery_mode"] for message in stored(app)] == [1, 2, 2]


def test_a_retry_goes_where_it_is_told(app: Umbel, work):
    @app.task(name="proj.again", bind=True)
    def again(self):
        raise self.retry(queue="celery")

    again.apply_async(exchange="media", routing_key="media.audio")
    with InProcessWorker(app, queues=("all",)) as worker:
        worker.drain()
    assert only(app).parcel.queue == "celery"


def test_a_function_is_asked_for_each_call(app: Umbel, work):
    asked = []

    def by_argument(name, args, kwargs, options, task=None, **kw):
        asked.append((name, args, dict(kwargs), options.get("priority"), task))
        return f"shard-{args[0] % 2}"

    app.conf.task_routes = by_argument
    work.delay(1)
    work.delay(2)
    work.apply_async((3,), priority=4)
    work.delay_many([(4,), (5,)])
    assert queues(app) == ["shard-0", "shard-0", "shard-1", "shard-1", "shard-1"]
    assert asked == [
        ("proj.work", (1,), {}, None, work), ("proj.work", (2,), {}, None, work), ("proj.work", (3,), {}, 4, work),
        ("proj.work", (4,), {}, None, work), ("proj.work", (5,), {}, None, work),
    ]  # fmt: skip


def test_what_a_function_does_to_its_arguments_has_no_effect(app: Umbel, work):
    route = {"queue": "kept"}

    def greedy(name, args, kwargs, options, task=None, **kw):
        options["priority"] = 9
        return route

    app.conf.task_routes = greedy
    work.delay(1)
    assert (only(app).parcel.queue, only(app).parcel.priority, route) == ("kept", 0, {"queue": "kept"})


def fails(name, args, kwargs, options, task=None, **kw):
    raise LookupError("no shard")


def returns_a_number(name, args, kwargs, options, task=None, **kw):
    return 5


def returns_a_wrong_queue(name, args, kwargs, options, task=None, **kw):
    return {"queue": 5}


number = 5


@pytest.mark.parametrize(
    ("route", "words"),
    [(fails, "The router fails raised LookupError: no shard for the task 'proj.work'."),
     (f"{__name__}:fails", f"The router {__name__}:fails raised LookupError: no shard for the task 'proj.work'."),
     (returns_a_number, "returns_a_number must return None, a queue's name, a Queue or a dict of options, not a value"),
     (returns_a_wrong_queue, "dict of options; its queue is a value of type int."),
     (f"{__name__}:number", "of task_routes is no function, but a value of type int."),
     (f"{__name__}:nothing_there", "nothing_there"), ("no.such.module.route", "There is no module 'no'"),
     (lambda: None, "raised TypeError")],
)  # fmt: skip
def test_a_router_that_cannot_work_is_told_with_every_call(app: Umbel, work, route, words):
    app.conf.task_routes = route
    for _ in range(2):
        with pytest.raises(ImproperlyConfigured, match=re.escape(words)):
            work.delay(1)
    assert stored(app) == []


def test_what_the_function_raised_is_the_cause(app: Umbel, work):
    app.conf.task_routes = fails
    with pytest.raises(ImproperlyConfigured) as caught:
        work.delay(1)
    assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.parametrize("wrong", [{"a": 5}, 5, [5], {re.compile(b"x"): "q"}, {"a": {"queue": 5}}])
def test_a_wrong_route_is_told_where_it_is_written(app: Umbel, wrong):
    with pytest.raises(ImproperlyConfigured, match=r"task_routes|route of 'a'"):
        app.conf.task_routes = wrong
    assert app.conf.task_routes is None


@pytest.mark.parametrize("queue", [5, object(), ["mail"]])
def test_a_queue_that_is_none_is_told(app: Umbel, work, queue):
    with pytest.raises(ImproperlyConfigured, match="option `queue` must be a queue's name or a Queue"):
        work.apply_async((1,), queue=queue)


def test_a_wrong_declaration_is_told_with_every_call(app: Umbel, work):
    app.conf.task_default_exchange_type = "headers"
    for _ in range(2):
        with pytest.raises(ImproperlyConfigured, match="must be one of direct, topic, fanout, not 'headers'"):
            work.delay(1)


def test_an_exchange_without_declarations_leads_to_the_queue_of_its_key(app: Umbel, work):
    app.conf.task_queues = None
    work.apply_async((1,), exchange="direct", routing_key="mail")
    work.apply_async((1,), exchange="direct", routing_key="mail", queue="named")
    assert queues(app) == ["mail", "named"]
    app.conf.task_create_missing_queues = False
    with pytest.raises(QueueNotFound, match="no queue 'mail' in task_queues"):
        work.apply_async((1,), exchange="direct", routing_key="mail")
    with pytest.raises(QueueNotFound, match="bound to the exchange 'topics'"):
        work.apply_async((1,), exchange=Exchange("topics", "topic"), routing_key="mail")


def test_settings_of_queues_that_change_later_count(app: Umbel, work):
    work.delay(1)
    app.conf.task_queues = [Queue("first", Exchange("t", "topic"), "t.#"), Queue("second", Exchange("t", "topic"), "#")]
    app.conf.task_default_queue = "first"
    work.delay(2)
    assert queues(app) == ["celery", "first", "second"]
    assert app.declared.names == ("first", "second")


@pytest.mark.parametrize("way", [{"queue": "news"}, {"queue": "news.web"}, {"exchange": "news", "routing_key": "x"}])
def test_a_broadcast_reaches_the_queue_of_each_worker(app: Umbel, work, way):
    app.conf.task_queues = [Queue("celery"), Broadcast("news", queue="news.web"), Broadcast("news", queue="news.api")]
    work.apply_async((1,), **way)
    assert queues(app) == ["news.api", "news.web"]


def test_a_broadcast_without_queues_is_refused(app: Umbel, work):
    app.conf.task_queues = [Queue("celery"), Broadcast("news")]
    for way in ({"queue": "news"}, {"exchange": "news", "routing_key": "x"}):
        with pytest.raises(ImproperlyConfigured, match=r"Broadcast\('news', queue='news.web'\), and name it with -Q"):
            work.apply_async((1,), **way)
    work.delay(1)
    assert only(app).parcel.queue == "celery"


def test_what_inspect_shows_of_the_queues(app: Umbel, work):
    shown = app.declared.find("video").as_dict()
    assert (shown["exchange"]["type"], shown["routing_key"], shown["max_priority"]) == ("topic", "media.video.#", 3)
    missing = app.declared.find("made-up").as_dict()
    assert (missing["exchange"]["name"], missing["routing_key"]) == ("made-up", "made-up")
