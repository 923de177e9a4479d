"""Queue, Exchange, binding and Broadcast: kombu's names and signatures, and kombu's own objects."""

from __future__ import annotations

import inspect

import pytest

from umbel import Umbel
from umbel.conf import Settings
from umbel.exceptions import ImproperlyConfigured, QueueNotFound
from umbel.routing import Broadcast, Exchange, Queue, binding, declare
from umbel.routing.entities import exchange_of, queue_of

kombu = pytest.importorskip("kombu")
common = pytest.importorskip("kombu.common")


def names(function):
    return [name for name, one in inspect.signature(function).parameters.items() if one.kind is not one.VAR_KEYWORD]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(Queue, kombu.Queue), (Exchange, kombu.Exchange), (binding, kombu.binding), (Broadcast, common.Broadcast)],
)
def test_the_arguments_are_kombus(ours, theirs):
    assert names(ours)[: len(names(theirs))] == names(theirs)


@pytest.mark.parametrize(("ours", "theirs"), [(Queue, kombu.Queue), (Exchange, kombu.Exchange)])
def test_the_options_are_kombus(ours, theirs):
    assert {name for name, _ in theirs.attrs} <= set(names(ours))


def test_the_defaults_are_kombus():
    ours, theirs = Queue("q"), kombu.Queue("q")
    assert {name: getattr(ours, name) for name in ("durable", "exclusive", "auto_delete", "no_ack", "alias")} == {
        name: getattr(theirs, name) for name in ("durable", "exclusive", "auto_delete", "no_ack", "alias")
    }
    assert (Exchange("x").type, Exchange("x").durable) == (kombu.Exchange("x").type, kombu.Exchange("x").durable)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Queue("q"), kombu.Queue("q")),
        (Queue("q", "x", "k"), kombu.Queue("q", "x", "k")),
        (Queue("q", Exchange("x", "topic", durable=False), "k.#", max_priority=5),
         kombu.Queue("q", kombu.Exchange("x", "topic", durable=False), "k.#", max_priority=5)),
        (Queue("q", queue_arguments={"x-max-priority": 3}), kombu.Queue("q", queue_arguments={"x-max-priority": 3})),
        (Queue("q", [binding("x", "a")]), kombu.Queue("q", [kombu.binding(kombu.Exchange("x"), "a")])),
        (Broadcast("news", queue="news.web"), common.Broadcast("news", queue="news.web")),
    ],
)  # fmt: skip
def test_kombus_objects_are_taken(ours, theirs):
    settings = [declare(Settings({"task_queues": [one]})) for one in (ours, theirs)]
    assert settings[0].queues == settings[1].queues
    assert settings[0].table == settings[1].table


def test_several_of_kombus_bindings_are_taken():
    theirs = kombu.Queue("q", [kombu.binding(kombu.Exchange("x"), "a"), kombu.binding(kombu.Exchange("x"), "b")])
    assert set(queue_of(theirs).ways) == {(Exchange("x"), "a"), (Exchange("x"), "b")}


@pytest.mark.parametrize("made", [Broadcast("news"), Broadcast("news", queue="a", unique=True)])
def test_a_queue_for_each_worker(made):
    assert made.per_worker
    assert made.alias == "news"


@pytest.mark.parametrize(
    ("options", "each"), [({}, True), ({"queue": "a", "unique": True}, True), ({"queue": "a"}, False)]
)
def test_kombus_broadcast_says_it_too(options, each):
    assert queue_of(common.Broadcast("news", **options)).per_worker is each


def test_they_are_values():
    assert Queue("a", "x") == Queue("a", Exchange("x"))
    assert len({Queue("a", "x"), Queue("a", Exchange("x")), Queue("b")}) == 2
    assert len({Exchange("x"), Exchange("x"), binding("x", "k"), binding(Exchange("x"), "k")}) == 2
    with pytest.raises(AttributeError):
        Queue("a").name = "b"


@pytest.mark.parametrize(
    ("make", "words"),
    [(Queue, "Queue must have a name"), (lambda: Queue(5), "Queue must have a name"),
     (lambda: Queue("q", 5), "An exchange is an Exchange or its name, not a value of type int"),
     (lambda: Queue("q", ["x"]), "bindings of the queue 'q' must be binding"),
     (Broadcast, "Broadcast must have a name"), (lambda: binding(5, "k"), "not a value of type int")],
)  # fmt: skip
def test_what_is_none_is_told(make, words):
    with pytest.raises(ImproperlyConfigured, match=words):
        make()


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"task_queues": [Queue("a", Exchange("x", "headers"))]}, "exchange 'x' must be one of direct, topic, fanout"),
     ({"task_queues": {"a": {"exchange": "x", "exchange_type": "nope"}}}, "exchange_type of the queue 'a' must be one"),
     ({"task_queues": [Queue("a", Exchange("x")), Queue("b", Exchange("x", "topic"))]},
      r"exchange 'x' of task_queues is direct in one place and topic in another \(queue 'b'\)"),
     ({"task_default_exchange_type": "nope"}, "must be one of direct, topic, fanout, not 'nope'"),
     ({"task_create_missing_queue_exchange_type": "nope"}, "task_create_missing_queue_exchange_type must be one of")],
)  # fmt: skip
def test_what_cannot_be_declared_is_told(settings, words):
    with pytest.raises(ImproperlyConfigured, match=words):
        declare(Settings(settings))


@pytest.mark.parametrize("wrong", ["mail", 5, [""], [{}], [None], {"a": 5}, {"": {}}])
def test_a_wrong_setting_is_told_where_it_is_written(app: Umbel, wrong):
    with pytest.raises(ImproperlyConfigured, match="task_queues must be a list of names"):
        app.conf.task_queues = wrong


def test_the_sentence_of_a_missing_queue_names_those_there_are(app: Umbel):
    app.conf.update(task_queues=["mail", "feeds"], task_create_missing_queues=False)
    with pytest.raises(QueueNotFound) as caught:
        app.send_task("a", queue="mial")
    assert str(caught.value) == (
        "There is no queue 'mial' in task_queues (it has 'feeds', 'mail'), and task_create_missing_queues is off."
    )


def test_as_inspect_shows_it():
    shown = Queue("video", Exchange("media", "topic"), "media.video.#", max_priority=5).as_dict()
    theirs = kombu.Queue("video", kombu.Exchange("media", "topic"), "media.video.#", max_priority=5)
    assert shown == theirs.as_dict(recurse=True)
    assert Queue("q", [binding("x", "k")]).as_dict()["bindings"][0]["exchange"]["name"] == "x"


def test_exchanges_by_name_and_none():
    assert exchange_of(None) == exchange_of("") == Exchange("")
    assert exchange_of(kombu.Exchange("x", "fanout")) == Exchange("x", "fanout")
