"""Where a call goes, here and in Celery itself: the same settings and the same call in both, and the same queues.

Celery runs over kombu's memory broker, which has queues only, as umbel's stores.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import msgspec
import pytest

from tests.calling.support import stored
from umbel import Umbel

celery = pytest.importorskip("celery")
kombu = pytest.importorskip("kombu")
memory = pytest.importorskip("kombu.transport.memory")
common = pytest.importorskip("kombu.common")
pools = pytest.importorskip("kombu.pools")

Q, X = kombu.Queue, kombu.Exchange


class Case(msgspec.Struct):
    """Settings, what the task has, and the options of the call."""

    settings: Any
    options: dict[str, Any] = {}
    task: dict[str, Any] = {}
    args: tuple[Any, ...] = (1,)
    name: str = "proj.feed.fetch"


def by_argument(name, args, kwargs, options, task=None, **kw):
    return {"queue": f"shard-{args[0]}"} if args else None


def by_options(name, args, kwargs, options, task=None, **kw):
    return {"queue": "urgent", "priority": 8} if options.get("priority") == 3 else None


def by_task(name, args, kwargs, options, task=None, **kw):
    return "known" if task is not None and task.name == name else "unknown"


def says_nothing(name, args, kwargs, options, task=None, **kw):
    return None


def says_little(name, args, kwargs, options, task=None, **kw):
    return {}


class Old:
    """A router as Celery had it before 4.0."""

    def route_for_task(self, task, args=None, kwargs=None):
        return {"queue": "old"} if task.startswith("proj.") else None


def routes(*entries, **settings):
    return lambda: {"task_routes": entries[0] if len(entries) == 1 else list(entries), **settings}


def media(**settings):
    """A topic exchange with two queues, a fanout with two, and a direct one with one queue under two keys."""
    return lambda: {
        "task_queues": [
            Q("celery"),
            Q("video", X("media", "topic"), routing_key="media.video.#"),
            Q("all", X("media", "topic"), routing_key="media.#"),
            Q("left", X("news", "fanout")),
            Q("right", X("news", "fanout")),
            Q("keys", [kombu.binding(X("direct"), "one"), kombu.binding(X("direct"), "two")]),
            common.Broadcast("told", queue="told.web"),
        ],
        **settings,
    }


def in_a_dict():
    return {
        "task_queues": {
            "celery": {"exchange": "celery"},
            "feeds": {"exchange": "feeds", "exchange_type": "topic", "binding_key": "feed.#"},
            "plain": {},
        },
        "task_routes": {"proj.*": {"queue": "feeds", "routing_key": "feed.fetch"}},
    }


def topic_default(**settings):
    return lambda: {"task_default_exchange": "tasks", "task_default_exchange_type": "topic",
                    "task_default_routing_key": "task.default", **settings}  # fmt: skip


def topic_default_with(*queues, **settings):
    return lambda: {**topic_default(**settings)(), "task_queues": [Q(*queue) for queue in queues]}


ME = __name__
SAME = {
    "nothing": Case(dict),
    "default queue": Case(lambda: {"task_default_queue": "usual"}),
    "exact": Case(routes({"proj.feed.fetch": "exact", "proj.*": "glob"})),
    "exact, written last": Case(routes({"proj.*": "glob", "proj.feed.fetch": "exact"})),
    "first glob": Case(routes({"proj.*": "one", "proj.feed.*": "two"})),
    "pattern": Case(routes({re.compile(r"proj\.(feed|mail)\."): {"queue": "pattern"}, "*": "glob"})),
    "pattern matches from the start": Case(routes({re.compile("feed"): "pattern", "*.fetch": "glob"})),
    "glob needs a star": Case(routes({"proj.feed.fetc?": "question", "proj.[f]*": "set"})),
    "list of maps": Case(routes({"other": "one"}, {"proj.*": "two"}, {"proj.feed.fetch": "three"})),
    "list of pairs": Case(routes(([("proj.feed.*", "one"), ("proj.*", "two")],))),
    "route of pairs": Case(routes({"proj.*": [("queue", "one"), ("priority", 4)]})),
    "function": Case(routes(by_argument)),
    "function without arguments": Case(routes(by_argument), args=()),
    "function, dotted": Case(routes(f"{ME}:by_argument")),
    "function in a list": Case(routes(says_nothing, f"{ME}:by_argument", {"*": "last"})),
    "function before map": Case(routes(by_options, {"*": "map"}), {"priority": 3}),
    "function that passes": Case(routes(by_options, {"*": "map"}), {"priority": 4}),
    "function that stops": Case(routes(says_little, {"*": "map"})),
    "function that sees the task": Case(routes(by_task)),
    "old router": Case(routes(Old())),
    "old router, dotted": Case(routes([f"{ME}:Old"])),
    "route_name": Case(routes({"route.a": "a", "proj.*": "b"}), {"route_name": "route.a"}),
    "queue of the route is an object": Case(lambda: {"task_routes": {"*": {"queue": Q("object", X("object"), "k")}}}),
    "options of a route": Case(routes({"*": {"queue": "low", "priority": 2}})),
    "caller over route": Case(routes({"*": {"queue": "low", "priority": 2}}), {"queue": "mine", "priority": 7}),
    "caller over route, in part": Case(routes({"*": {"queue": "low", "priority": 2}}), {"priority": 7}),
    "caller's None is no word": Case(routes({"*": {"queue": "low", "priority": 2}}), {"queue": None, "priority": None}),
    "task over route": Case(routes({"*": {"queue": "low", "priority": 2}}), task={"queue": "own", "priority": 5}),
    "caller over task": Case(dict, {"queue": "mine"}, {"queue": "own"}),
    "caller's None over task": Case(dict, {"queue": None, "priority": None}, {"queue": "own", "priority": 4}),
    "caller's None over task, then route": Case(routes({"*": "low"}), {"queue": None}, {"queue": "own"}),
    "queue is an object": Case(dict, {"queue": Q("object")}),
    "queue is an object with a topic": Case(dict, {"queue": Q("object", X("things", "topic"), "thing.#")}),
    "default priority": Case(lambda: {"task_default_priority": 6}),
    "default priority over route": Case(routes({"*": {"priority": 2}}, task_default_priority=6)),
    "route without queue": Case(routes({"*": {"priority": 2}})),
    "key alone": Case(dict, {"routing_key": "elsewhere"}),
    "exchange alone": Case(media(), {"exchange": "news"}),
    "exchange alone, with its type": Case(media(), {"exchange": "news", "exchange_type": "fanout"}),
    "exchange and key": Case(media(), {"exchange": "media", "routing_key": "media.video.mp4"}),
    "exchange and key, one queue": Case(media(), {"exchange": "media", "routing_key": "media.audio"}),
    "exchange is an object": Case(media(), {"exchange": X("media", "topic"), "routing_key": "media.video.mp4"}),
    "fanout": Case(media(), {"exchange": "news", "routing_key": "any"}),
    "queue of a fanout": Case(media(), {"queue": "left"}),
    "broadcast by its name": Case(media(), {"queue": "told"}),
    "broadcast by its queue": Case(media(), {"queue": "told.web"}),
    "queue of a topic": Case(media(), {"queue": "video", "routing_key": "media.video.mp4"}),
    "queue of a topic, other key": Case(media(), {"queue": "video", "routing_key": "media.audio"}),
    "binding": Case(media(), {"exchange": "direct", "routing_key": "two"}),
    "queue with bindings": Case(media(), {"queue": "keys"}),
    "queue and another exchange": Case(media(), {"queue": "keys", "exchange": "media", "routing_key": "media.b"}),
    "route to an exchange": Case(media(task_routes={"*": {"exchange": "media", "routing_key": "media.video.x"}})),
    "route to an exchange, caller's key": Case(
        media(task_routes={"*": {"exchange": "media", "routing_key": "media.video.x"}}), {"routing_key": "media.b"}
    ),
    "route to an exchange, caller's queue": Case(
        media(task_routes={"*": {"exchange": "media", "routing_key": "media.video.x"}}), {"queue": "keys"}
    ),
    "route to an exchange with its type": Case(
        media(task_routes={"*": {"exchange": "news", "exchange_type": "fanout"}})
    ),
    "declared, others on the fly": Case(media(), {"queue": "new"}),
    "the default exchange has them all": Case(media(), {"exchange": "celery", "routing_key": "celery"}),
    "dict": Case(in_a_dict),
    "dict, plain": Case(in_a_dict, {"queue": "plain"}),
    "dict, another key": Case(in_a_dict, {"routing_key": "feed.other"}),
    "topic by default": Case(topic_default()),
    "topic by default, key": Case(topic_default_with(("one", None, "task.#"), ("two", None, "task.b.#")),
                                  {"queue": "one", "routing_key": "task.b.c"}),
    "topic by default, no key": Case(topic_default_with(("one", None, "task.default"), ("two",)), {"queue": "two"}),
    "topic by default, on the fly": Case(topic_default(), {"queue": "new"}),
    "on the fly, topic": Case(lambda: {"task_create_missing_queue_exchange_type": "topic"}, {"queue": "new"}),
    "on the fly, fanout": Case(lambda: {"task_create_missing_queue_exchange_type": "fanout"}, {"queue": "new"}),
    "must be declared, and is": Case(media(task_create_missing_queues=False), {"queue": "video"}),
    "must be declared, by alias": Case(media(task_create_missing_queues=False), {"queue": "told"}),
    "must be declared": Case(media(task_create_missing_queues=False), {"queue": "nowhere"}),
    "must be declared, route": Case(media(task_create_missing_queues=False, task_routes={"*": "nowhere"})),
    "must be declared, default": Case(lambda: {"task_create_missing_queues": False}),
    "must be declared, only the default is": Case(lambda: {"task_create_missing_queues": False}, {"queue": "mail"}),
    "must be declared, default is not": Case(
        lambda: {"task_create_missing_queues": False, "task_queues": [Q("mail")]}
    ),
}  # fmt: skip


def work(*args):
    pass


class Sent(msgspec.Struct):
    """What became of a call: exchange, key and priority of the message, queue -> messages; or the error's name."""

    exchange: str = ""
    routing_key: str = ""
    priority: int = 0
    queues: dict[str, int] = {}
    error: str = ""


@pytest.fixture
def kombus_memory():
    """kombu keeps what its memory broker has in classes."""

    def clear():
        pools.reset()  # a connection remembers what it has declared
        memory.Channel.queues.clear()
        memory.Transport.global_state.clear()

    clear()
    yield
    clear()


def by_celery(case: Case, *, by_name: bool = False) -> Sent:
    app = celery.Celery("oracle", broker="memory://", backend="disabled://", set_as_current=False, **case.settings())
    task = app.task(name=case.name, **case.task)(work)
    heard: dict[str, Any] = {}

    def listen(exchange, routing_key, properties, **_):
        heard.update(exchange=getattr(exchange, "name", exchange), routing_key=routing_key or "")
        heard.update(priority=properties.get("priority") or 0)

    with app.connection_for_write() as connection:
        for queue in app.amqp.queues.values():
            queue(connection.default_channel).declare()
        celery.signals.before_task_publish.connect(listen, weak=False)
        try:
            if by_name:
                app.send_task("proj.stranger", case.args, **case.options)
            else:
                task.apply_async(case.args, **case.options)
        except Exception as error:
            return Sent(error=type(error).__name__)
        finally:
            celery.signals.before_task_publish.disconnect(listen)
        held = {name: queue.qsize() for name, queue in memory.Channel.queues.items() if queue.qsize()}
    return Sent(**heard, queues=held)


def by_umbel(app: Umbel, case: Case, *, by_name: bool = False) -> Sent:
    app.conf.update(case.settings())
    task = app.task(name=case.name, **case.task)(work)
    try:
        if by_name:
            app.send_task("proj.stranger", case.args, **case.options)
        else:
            task.apply_async(case.args, **case.options)
    except Exception as error:
        return Sent(error=type(error).__name__)
    messages = stored(app)
    (properties,) = {str(message.properties): message.properties for message in messages}.values()
    held = Counter(message.parcel.queue for message in messages)
    info = properties["delivery_info"]
    return Sent(info["exchange"], info["routing_key"], properties["priority"], dict(held))


@pytest.mark.usefixtures("kombus_memory")
@pytest.mark.filterwarnings("ignore:[\\s\\S]*task attribute is deprecated")
@pytest.mark.parametrize("name", SAME)
def test_a_call_goes_where_celery_sends_it(name: str, app: Umbel):
    theirs = by_celery(SAME[name])
    assert theirs.queues or theirs.error, "a case that shows nothing"
    assert by_umbel(app, SAME[name]) == theirs


@pytest.mark.usefixtures("kombus_memory")
@pytest.mark.parametrize("name", [name for name, case in SAME.items() if not case.task])
def test_a_name_goes_where_celery_sends_it(name: str, app: Umbel):
    theirs, ours = by_celery(SAME[name], by_name=True), by_umbel(app, SAME[name], by_name=True)
    if "task_default_priority" in SAME[name].settings():  # Celery forgets it for a task that it does not know
        theirs.priority = ours.priority
    assert ours == theirs


UNLIKE = {
    "an exchange that is not declared": (
        Case(media(), {"exchange": "nowhere", "routing_key": "k"}), "QueueNotFound", "bound to the exchange 'nowhere'"
    ),
    "no queue is bound with that key": (
        Case(media(), {"exchange": "media", "routing_key": "film"}), "QueueNotFound", "that the key 'film' fits"
    ),
    "a direct exchange with another key": (
        Case(media(), {"exchange": "direct", "routing_key": "three"}), "QueueNotFound", "that the key 'three' fits"
    ),
    "a route to an exchange without key": (
        Case(routes({"*": {"exchange": "media"}})), "ImproperlyConfigured", "'media' is named without a queue"
    ),
    "a queue for each worker": (
        Case(lambda: {"task_queues": [common.Broadcast("all")]}, {"queue": "all"}), "ImproperlyConfigured",
        "a queue for each worker, which this store cannot make",
    ),
}  # fmt: skip


@pytest.mark.usefixtures("kombus_memory")
@pytest.mark.parametrize("name", UNLIKE)
def test_what_celery_loses_in_queues_is_refused(name: str, app: Umbel):
    case, error, words = UNLIKE[name]
    theirs = by_celery(case)
    kept = [
        queue for queue in theirs.queues if queue and not queue.startswith("bcast.")
    ]  # of this process: nobody consumes it
    assert not theirs.error
    assert not kept
    assert by_umbel(app, case) == Sent(error=error)
    with pytest.raises(Exception, match=words):
        app.send_task(case.name, case.args, **case.options)
    assert stored(app) == []


@pytest.mark.usefixtures("kombus_memory")
def test_a_hash_may_stand_for_no_word_as_on_rabbitmq(app: Umbel):
    case = Case(media(), {"exchange": "media", "routing_key": "media.video"})
    assert by_celery(case).queues == {"all": 1}
    assert by_umbel(app, case).queues == {"video": 1, "all": 1}
