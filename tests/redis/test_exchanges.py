"""Exchanges that Celery's processes and umbel's share: what is bound, topics, and fanout in both directions."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing

import pytest

from tests.support.until import until
from umbel import Umbel
from umbel.adapters.redis.broker import open_broker
from umbel.routing import Exchange, Queue

pytestmark = pytest.mark.timeout(180)  # Celery takes seconds to start

TASKS = """
    from {module} import {name}
    from {entities} import Exchange, Queue, binding

    news = Exchange("news", "fanout")
    media = Exchange("media", "topic")
    app = {name}("shop", broker={url!r}, backend={url!r})
    app.conf.task_queues = [
        Queue("celery", Exchange("celery"), "celery"),
        Queue("films", media, "media.*.mp4"),
        Queue("news." + {who!r}, news),
    ] + {more}

    @app.task(name="shop.note")
    def note(path, word):
        with open(path, "a") as file:
            file.write(f"{module} {{word}}\\n")
"""
MORE = """[
        Queue("all", bindings=[binding(media, "media.#"), binding(Exchange("odd-one"), "a_b")]),
        Queue("news.second", news),
    ]"""


@pytest.fixture
def shop(project, url):
    """One program as Celery has it, and as umbel has it; of the fanout exchange each has queues of its own."""
    for module, name, entities, more in (
        ("celery", "Celery", "kombu", "[]"),
        ("umbel", "Umbel", "umbel.routing", MORE),
    ):
        text = TASKS.format(module=module, name=name, entities=entities, url=url, who=module, more=more)
        project.write(f"with_{module}.py", text)
    return project


def umbel_worker(shop, name, queues):
    worker = shop.forked_worker("with_umbel", "-c", "1", "-l", "info", "-n", f"{name}@here", "-Q", queues)
    worker.until_output("ready.", timeout=20)
    return worker


def celery_worker(shop):
    worker = shop.celery_worker("with_celery", "-c", "1", "-l", "info", "-n", "c@here", "-Q", "news.celery")
    worker.until_output("ready.", timeout=40)
    return worker


def run(shop, module, code):
    said = shop.client(f"from with_{module} import *\n{code}", of=module)
    assert said.returncode == 0, said
    return said.stdout


def tables(link):
    keys = link.call("KEYS", "_kombu.binding*")
    return {key: set(link.call("SMEMBERS", key)) for key in keys if link.call("TYPE", key) == b"set"}


OURS = """
from umbel.broker import Owner
owners = app.broker.owners()
owners.enlist(Owner(1, "w", 1, "supervisor", 0.0))
owners.retire(1)
owners.close()
"""
THEIRS = """
from kombu import binding
for name in ("news.umbel", "news.second"):
    app.conf.task_queues.append(Queue(name, news))
odd = binding(Exchange("odd-one"), "a_b")
app.conf.task_queues.append(Queue("all", bindings=[binding(media, "media.#"), odd]))
channel = app.connection().channel()
for queue in app.amqp.queues.values():
    queue(channel).declare()
"""


def test_a_worker_writes_the_bindings_that_kombu_writes(shop, link):
    run(shop, "umbel", OURS)
    ours = tables(link)
    link.call("FLUSHALL")
    run(shop, "celery", THEIRS)
    theirs = tables(link)
    for name in (b"_kombu.binding.news", b"_kombu.binding_permanent.news"):
        theirs[name].discard(b"celery\x06\x16\x06\x16news.celery")  # a queue that the other program has not
    assert ours == theirs
    assert len(ours) == 8


def test_a_topic_of_a_celery_client_reaches_queues_that_only_umbel_declares(shop, tmp_path):
    """The client knows one queue of the exchange; the worker has written beside it that another one is bound."""
    umbel_worker(shop, "u", "films,all")
    path = tmp_path / "done"
    for word, key in (("film", "media.new.mp4"), ("song", "media.mp3")):
        run(shop, "celery", f"note.apply_async(({str(path)!r}, {word!r}), queue='films', routing_key={key!r})")
    until(lambda: path.exists() and path.read_text().count("\n") >= 3, timeout=20)
    assert Counter(path.read_text().split("\n")) == {"umbel film": 2, "umbel song": 1, "": 1}


def test_fanout_reaches_each_queue_of_both_kinds_once_whoever_sends(shop, tmp_path, url):
    """Two umbel supervisors hear what Celery sends, and share two queues; two of umbel's queues get it, and Celery."""
    workers = [umbel_worker(shop, name, queues) for name, queues in (("u", "news.umbel"), ("v", "news.second"))]
    workers.append(celery_worker(shop))
    path = tmp_path / "done"
    send = "note.apply_async(({!r}, {!r}), queue={!r}{})"
    run(shop, "celery", send.format(str(path), "from-celery", "news.celery", ""))
    run(shop, "celery", send.format(str(path), "with-key", "news.celery", ", routing_key='some.key'"))
    run(shop, "umbel", send.format(str(path), "from-umbel", "news.umbel", ""))
    expected = Counter({f"umbel {word}": 2 for word in ("from-celery", "with-key", "from-umbel")})
    expected.update({"celery from-celery": 1, "celery from-umbel": 1})

    def ran():
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()

    until(lambda: ran() >= expected, lambda: f"{ran()}\n" + "\n".join(each.output() for each in workers), timeout=30)
    with closing(open_broker(url, {}).shelf()) as shelf:
        until(lambda: shelf.counts() == [], timeout=20)
    assert ran() == expected


def test_a_queue_that_expires_and_one_without_exchange_bind_nothing(url, link):
    queues = [Queue("short", Exchange("x"), "k", expires=5.0), Queue("plain", Exchange(""), "")]
    with Umbel("shop", broker=url, task_queues=queues) as app:
        assert "short" in app._store_options()[0]["queues"]
        broker = app.broker
        assert [way for way in broker._exchanges.ways if way.queue == "short"] == []
    assert json.dumps(broker._exchanges.fanouts) == "{}"
