"""`umbel drain` over a real Redis: back to Celery in place, and out of a SQLite file; killed half way, repeated."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import datetime

import msgspec
import pytest

from tests.support.until import until
from umbel import clock, drain
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.backend import RedisBackend
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.sqlite import open_broker as open_sqlite
from umbel.broker import Death, Owner, Want
from umbel.drain import Drain
from umbel.exceptions import ImproperlyConfigured, StoreUnavailable, WorkersAlive
from umbel.message import Parcel
from umbel.outcome import Done, Park

HEAD = {"content-type": "application/json", "content-encoding": "utf-8"}


def parcel(task_id, *, due=0.0, eta=None, priority=0, queue="q"):
    head = {**HEAD, "headers": {"task": "t", "id": task_id, "eta": eta}, "properties": {"priority": priority}}
    return Parcel(queue, task_id, "t", json.dumps(head).encode(), b"[[], {}, {}]", priority, due)


class Place:
    """A store with the words that these tests use."""

    def __init__(self, broker):
        self.broker = broker
        self.owners = broker.owners()
        self.shelf = broker.shelf()
        self.opened = [self.owners, self.shelf]

    def publish(self, *parcels):
        with closing(self.broker.publisher()) as publisher:
            publisher.publish(parcels)

    def consumer(self, number=1):
        owner = Owner(number, f"w{number}@here", os.getpid(), "child", time.time())
        self.owners.enlist(owner)
        return self.consumer_of(owner)

    def consumer_of(self, owner):
        consumer = self.broker.consumer(owner)
        self.opened.append(consumer)
        return consumer

    def ids(self, place):
        return [item.parcel.id for item in self.shelf.items(place, limit=10_000)]

    def close(self):
        for part in self.opened:
            part.close()


@pytest.fixture
def place(url):
    place = Place(open_broker(url, {"task_delay_in_broker": True}))
    yield place
    place.close()


@pytest.fixture
def old(tmp_path):
    place = Place(open_sqlite(f"sqlite:///{tmp_path}/old.db", {}))
    yield place
    place.close()


@pytest.fixture
def emptied():
    """Run a drain and close it."""

    def emptied(place, target=None, **options):
        results = options.pop("results", None)
        with closing(Drain(place.broker, results=results)) as work:
            return work.to_celery(**options) if target is None else work.elsewhere(target.broker, **options)

    return emptied


def listed(link, name="q"):
    """Celery's list as Celery would take it: head first."""
    return [json.loads(item) for item in reversed(link.call("LRANGE", name, 0, -1))]


def test_delayed_messages_become_celerys_with_their_moment(place, link, emptied):
    now = clock.wall()
    place.publish(parcel("b", due=now + 900), parcel("a", due=now + 600, eta="2999-01-01T00:00:00+00:00"))
    done = emptied(place)
    assert (done.moved, done.delayed) == (Counter({"q": 2}), 0)
    first, second = listed(link)
    assert (first["headers"]["id"], second["headers"]["id"]) == ("a", "b")
    for message, seconds in ((first, 600), (second, 900)):
        assert datetime.fromisoformat(message["headers"]["eta"]).timestamp() == pytest.approx(now + seconds, abs=1)
    assert place.ids("delayed") == []
    assert link.call("SMEMBERS", "umbel:delays") == []


def test_an_eta_that_says_the_same_is_left_as_it_was_sent(place, link, emptied):
    due = 4102444800.0
    place.publish(parcel("a", due=due, eta="2100-01-01T02:00:00+02:00"))
    emptied(place)
    assert [message["headers"]["eta"] for message in listed(link)] == ["2100-01-01T02:00:00+02:00"]


def test_a_parked_message_is_offered_to_celery_at_once(place, link, emptied):
    place.publish(parcel("a"))
    consumer = place.consumer()
    [delivery] = consumer.turn([], Want(("q",), 1)).deliveries
    consumer.turn([Park(delivery, due=clock.wall() + 300)], None)
    place.owners.retire(1)
    emptied(place)
    assert [message["headers"]["eta"] for message in listed(link)] == [None]


def mortal(place, link):
    """A consumer whose owner dies when its first lease ends, which nobody prolongs."""
    owner = Owner(5, "gone@here", 1, "child", time.time())
    link.script("enlist", ("",), (5, msgspec.json.encode(owner), 1500))
    return place.consumer_of(owner)


def test_work_of_the_dead_is_celerys_in_its_old_order(place, link, emptied):
    """Of a death that nobody saw every message is a suspect, which Celery does not know."""
    place.publish(*map(parcel, "abcd"))
    assert len(mortal(place, link).turn([], Want(("q",), 2)).deliveries) == 2
    done = emptied(place)
    assert done.moved == Counter({"q": 2})
    assert [message["headers"]["id"] for message in listed(link)] == list("abcd")
    assert link.call("KEYS", "umbel:first*") == []


def test_what_must_not_run_again_is_a_dead_letter_with_its_failure(place, url, emptied):
    place.publish(parcel("a"), parcel("b"))
    consumer = place.consumer()
    first, _ = consumer.turn([], Want(("q",), 2)).deliveries
    place.owners.rescue([Death(1, (), "killed", {first.tag: "TimeLimitExceeded:5.0"})])
    with closing(RedisBackend(Address.parse(url, {}))) as results:
        done = emptied(place, results=results)
        assert results.fetch(["a", "b"])["a"].status == "FAILURE"
    assert done.set_aside == Counter({"q": 1})
    assert (place.ids("ready"), place.ids("dead")) == (["b"], ["a"])
    assert [item.reason for item in place.shelf.items("dead")] == ["TimeLimitExceeded:5.0"]


def test_what_celery_cannot_read_stays(place, link, emptied):
    place.publish(Parcel("q", "odd", "t", b"no json", b"", 0, clock.wall() + 600))
    done = emptied(place)
    assert (done.moved, done.delayed, place.ids("delayed")) == (Counter(), 1, ["odd"])


def test_live_workers_are_a_reason_to_stop(place, emptied, monkeypatch):
    monkeypatch.setattr(drain, "_PATIENCE", -10.0)  # whoever holds a lease now is not waited for
    place.publish(parcel("a"), parcel("b", due=clock.wall() + 600))
    place.consumer().turn([], Want(("q",), 1))
    with pytest.raises(WorkersAlive, match=r"\(w1@here\) and hold 1 message.*--force"):
        emptied(place)
    assert place.ids("delayed") == ["b"]
    done = emptied(place, force=True)
    assert (done.moved, done.leased, place.ids("leased")) == (Counter({"q": 1}), 1, ["a"])
    place.owners.retire(1)


def test_the_dead_are_waited_for(place, link, emptied):
    """A worker that was killed a moment ago is on the roll until its lease is over."""
    place.publish(parcel("a"))
    mortal(place, link).turn([], Want(("q",), 1))
    assert place.ids("leased") == ["a"]
    assert emptied(place).moved == Counter({"q": 1})
    assert place.ids("ready") == ["a"]


def test_sqlite_moves_to_redis_with_order_due_times_and_urgency(old, place, link, emptied):
    due = clock.wall() + 3600
    old.publish(parcel("low", priority=1), *map(parcel, "abc"), parcel("high", priority=9), parcel("later", due=due))
    done = emptied(old, place)
    assert done.moved == Counter({"q": 6})
    assert old.shelf.counts() == []
    assert [message["headers"]["id"] for message in listed(link)] == ["high", "a", "b", "c"]
    [low] = listed(link, "q\x06\x166")
    assert (low["headers"]["id"], low["properties"]["priority"]) == ("low", 8)
    [later] = place.shelf.items("delayed")
    assert later.parcel.due == pytest.approx(due, abs=0.001)


def test_what_is_due_soon_is_waited_for(old, place, emptied):
    old.publish(parcel("soon", due=clock.wall() + 0.3))
    assert emptied(old, place).moved == Counter({"q": 1})
    assert place.ids("ready") == ["soon"]


def test_a_store_is_not_moved_into_itself(old, emptied):
    old.publish(parcel("a"))
    with pytest.raises(ImproperlyConfigured, match="to be emptied"):
        emptied(old, old)
    assert (old.ids("ready"), old.owners.roll()) == (["a"], [])


def test_celery_reads_no_sqlite(old, emptied):
    with pytest.raises(ImproperlyConfigured, match="--to"):
        emptied(old)


def test_a_target_that_is_away_leaves_everything_in_its_place(old, emptied):
    away = Place(open_broker("redis://127.0.0.1:1/0", {}))
    old.publish(parcel("a"), parcel("b"))
    with pytest.raises(StoreUnavailable):
        emptied(old, away)
    away.close()
    assert (old.ids("ready"), old.ids("leased"), old.owners.roll()) == (["a", "b"], [], [])


DYING = """
import os, signal, sys
from umbel import drain
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.publisher import RedisPublisher
from umbel.adapters.sqlite import open_broker as open_sqlite
drain.BATCH = 20
calls = int(sys.argv[3])

class Dying(RedisPublisher):
    def publish_once(self, *args, **options):
        global calls
        stored = super().publish_once(*args, **options)
        calls -= 1
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return stored

open_broker.__globals__["RedisPublisher"] = Dying
drain.Drain(open_sqlite(sys.argv[1], {})).elsewhere(open_broker(sys.argv[2], {"task_delay_in_broker": True}))
"""


def test_killed_between_its_two_steps_it_neither_loses_nor_doubles(old, place, url, tmp_path, processes, emptied):
    """Published, not yet settled: the worst moment, three times, for ready and for delayed messages."""
    ready, delayed = [f"r{number}" for number in range(50)], [f"d{number}" for number in range(50)]
    due = clock.wall() + 3600
    old.publish(*map(parcel, ready), *(parcel(each, due=due) for each in delayed))
    processes.env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    for calls in (2, 22, 1):
        killed = processes.python("-c", DYING, f"sqlite:///{tmp_path}/old.db", url, str(calls))
        assert killed.wait() == -signal.SIGKILL, killed.output()
    emptied(old, place)
    assert old.shelf.counts() == []
    assert sorted(place.ids("ready")) == sorted(ready)
    assert sorted(place.ids("delayed")) == sorted(delayed)


def test_a_message_that_was_run_there_before_the_repetition_is_not_sent_again(old, place, url, tmp_path, processes):
    old.publish(parcel("a"))
    processes.env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    assert processes.python("-c", DYING, f"sqlite:///{tmp_path}/old.db", url, "1").wait() == -signal.SIGKILL
    consumer = place.consumer()
    taken = consumer.turn([], Want(("q",), 5)).deliveries
    consumer.turn([Done(delivery) for delivery in taken], None)
    with closing(Drain(old.broker)) as work:
        done = work.elsewhere(place.broker)
    assert (len(taken), done.moved, place.ids("ready"), old.shelf.counts()) == (1, Counter({"q": 1}), [], [])
    place.owners.retire(1)


TASKS = """
from {module} import {name}
app = {name}("shop", broker={url!r}, backend={url!r})
app.conf.task_delay_in_broker = True

@app.task(name="shop.note", acks_late=True)
def note(path, number, hold=0):
    import time
    time.sleep(hold)
    with open(path, "a") as file:
        file.write(f"{{number}}\\n")
"""


@pytest.mark.timeout(180)
@pytest.mark.long
def test_celery_alone_finishes_everything_after_it(project, url, tmp_path):
    """An umbel worker was killed while it held work; other work is delayed. Then Celery's worker has it all."""
    for module, name in (("celery", "Celery"), ("umbel", "Umbel")):
        text = TASKS.format(module=module, name=name, url=url)
        project.write(f"with_{module}.py", text.replace("app.conf.task_delay", "#") if module == "celery" else text)
    path = tmp_path / "done"
    worker = project.forked_worker("with_umbel", "-c", "1", "-l", "info")
    worker.until_output("ready.", timeout=30)
    sent = project.processes.run(
        "-c", f"from with_umbel import note\nnote.delay({str(path)!r}, 0, hold=600)\n"
        f"for n in range(1, 20): note.delay({str(path)!r}, n)\n"
        f"for n in range(20, 30): note.apply_async(({str(path)!r}, n), countdown=20)",
    )  # fmt: skip
    assert sent.returncode == 0, sent
    watching = Place(open_broker(url, {}))
    until(lambda: watching.ids("leased") and len(watching.ids("delayed")) == 10, timeout=20)
    worker.send_group(signal.SIGKILL)
    worker.wait()
    for pid in worker.children():
        os.kill(pid, signal.SIGKILL)
    refused = project.umbel("-A", "with_umbel", "drain", "--to", url)
    assert refused.returncode == 64, refused
    said = project.umbel("-A", "with_umbel", "drain", "--json", timeout=60)
    assert said.returncode == 0, said
    assert {name: json.loads(said.stdout)[name] for name in ("leased", "delayed", "dead")} == {
        "leased": 0, "delayed": 0, "dead": 0,
    }  # fmt: skip
    assert (watching.ids("delayed"), watching.ids("leased")) == ([], [])
    [blocked] = [item for item in watching.shelf.items("ready", limit=100) if b"600" in item.parcel.body]
    watching.shelf.delete("ready", [blocked.tag])
    watching.close()
    celery = project.celery_worker("with_celery", "-c", "2", "-l", "info")
    celery.until_output("ready.", timeout=60)
    until(lambda: path.exists() and path.read_text().count("\n") >= 29, celery.output, timeout=60)
    assert Counter(map(int, path.read_text().split())) == Counter(range(1, 30))
