"""Wake-up by named pipes: at once, of one sleeper, and none is lost."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from tests.sqlite.store import Store, done, parcel, record
from tests.support.until import until
from umbel.adapters.sqlite import wake
from umbel.adapters.sqlite.consumer import SqliteConsumer
from umbel.broker import Revocation

ECHO = """
import os, sys
from umbel import ids
from umbel.adapters.sqlite import open_broker
from umbel.broker import Owner, Want
from umbel.message import Parcel
from umbel.outcome import Done
broker = open_broker("sqlite:///" + sys.argv[1], {})
owner = Owner(ids.nonce(), "echo@test", os.getpid(), "child", 0.0)
broker.owners().enlist(owner)
consumer = broker.consumer(owner)
print("ready", flush=True)
outcomes = []
while True:
    turn = consumer.turn(outcomes, Want(("ping",), 10))
    outcomes = [Done(each, None, (Parcel("pong", "x", "t", b"{}", each.body),)) for each in turn.deliveries]
    if not outcomes:
        consumer.wait(("ping",), 30.0, -1)
"""


@pytest.fixture
def slow_sweep(monkeypatch):
    """Whoever is not woken sleeps for a minute."""
    monkeypatch.setattr(wake, "SWEEP", 60.0)


def test_thousands_of_rounds_lose_no_wake_up(store, processes, tmp_path, slow_sweep):
    """Two processes wake each other; a lost byte would cost a second, the sweep of the other side."""
    (tmp_path / "echo.py").write_text(ECHO)
    store.publish(parcel(queue="warm-up"))
    processes.python(tmp_path / "echo.py", store.path).until_output("ready")
    publisher, worker = store.publisher(), store.worker()
    held, late = [], 0
    for number in range(3000):
        body = str(number).encode()
        before = time.monotonic()
        publisher.publish([parcel(queue="ping", body=body)])
        while True:
            turn = worker.turn(*map(done, held), queues=("pong",))
            held = turn.deliveries
            if held:
                break
            worker.consumer.wait(("pong",), 20.0, -1)
        assert [each.body for each in held] == [body]
        late += time.monotonic() - before > 0.7
    assert late == 0, f"{late} of 3000 rounds waited for a sweep"


def test_a_message_between_the_look_and_the_sleep_is_not_missed(store, slow_sweep, monkeypatch):
    store.publish(parcel(queue="warm-up"))
    worker, publisher = store.worker(), store.publisher()
    looks, original = [], SqliteConsumer._work_in

    def look(queues):
        due = original(worker.consumer, queues)
        looks.append(due)
        if len(looks) == 1:
            publisher.publish([parcel()])  # just after it was seen that there is nothing
        return due

    monkeypatch.setattr(SqliteConsumer, "_work_in", lambda _consumer, queues: look(queues), raising=True)
    before = time.monotonic()
    worker.consumer.wait(("q",), 20.0, -1)
    assert time.monotonic() - before < 10
    assert looks == [float("inf")]
    assert [each.queue for each in worker.claim()] == ["q"]


def test_many_sleepers_share_what_comes(store, slow_sweep):
    """Each message is claimed at once by one of four, whichever the system wakes."""
    store.publish(parcel(queue="warm-up"))
    total, taken, stop = 400, [], os.pipe()

    def consume():
        worker = store.worker()
        held = []
        while len(taken) < total:
            held = worker.turn(*map(done, held), limit=1).deliveries
            taken.extend(each.tag for each in held)
            if not held:
                worker.consumer.wait(("q",), 30.0, stop[0])

    threads = [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    publisher = store.publisher()
    for number in range(total):
        publisher.publish([parcel()])
        if number % 50 == 0:
            until(lambda sent=number + 1: len(taken) >= sent, timeout=20)
    until(lambda: len(taken) >= total, lambda: f"{len(taken)} of {total}", timeout=20)
    os.write(stop[1], b"!")
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    for fd in stop:
        os.close(fd)
    assert sorted(set(taken)) == sorted(taken)


def test_one_byte_wakes_everybody_there_is_work_for(store, slow_sweep):
    """Four must hold one each at the same time, again and again: whoever sleeps on stops the others for a minute."""
    store.publish(parcel(queue="warm-up"))
    rounds, together = 150, threading.Barrier(4, timeout=20)
    broken = []

    def consume():
        worker, ran = store.worker(), 0
        held = []
        while ran < rounds:
            held = worker.turn(*map(done, held), limit=1).deliveries
            if not held:
                worker.consumer.wait(("q",), 30.0, -1)
                continue
            ran += 1
            try:
                together.wait()
            except threading.BrokenBarrierError:
                broken.append(ran)
                break
        worker.settle(*map(done, held))

    threads = [threading.Thread(target=consume, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    publisher = store.publisher()
    for number in range(rounds):
        publisher.publish([parcel() for _ in range(4)])
        if number % 3 == 0:  # sometimes they all sleep when it comes, sometimes none does
            until(lambda: (store.sizes() or (0,))[0] == 0, timeout=30)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert broken == []


def test_one_message_wakes_one_sleeper(store, slow_sweep):
    store.publish(parcel(queue="warm-up"))
    stop, woken = os.pipe(), []

    def sleep():
        consumer = store.worker().consumer
        consumer.turn([], None)
        asleep.release()
        consumer.wait(("q",), 20.0, stop[0])
        woken.append(threading.current_thread().name)

    asleep = threading.Semaphore(0)
    threads = [threading.Thread(target=sleep) for _ in range(4)]
    for thread in threads:
        thread.start()
        asleep.acquire()
    until(lambda: all(thread.is_alive() for thread in threads))
    threading.Event().wait(0.1)  # let them fall asleep; too short makes the test weaker, not wrong
    store.publish(parcel())
    until(lambda: woken)
    threading.Event().wait(0.1)
    assert len(woken) == 1
    os.write(stop[1], b"!")
    for thread in threads:
        thread.join(20)
    for fd in stop:
        os.close(fd)
    assert len(woken) == 4


def test_a_byte_that_nobody_heard_is_found_by_the_sweep(store, monkeypatch):
    """A process was killed between taking the byte and claiming: the message is not forgotten."""
    monkeypatch.setattr(wake, "SWEEP", 0.05)
    monkeypatch.setattr(wake.Ringer, "ring", lambda _self, _queue: None)
    worker, woken = store.worker(), []

    def sleep():
        worker.consumer.wait(("q",), 20.0, -1)
        woken.append(True)

    thread = threading.Thread(target=sleep)
    thread.start()
    store.publish(parcel())
    thread.join(5)
    assert woken


def test_a_sleeper_that_has_no_pipe_looks_often(store, monkeypatch):
    store.publish(parcel(queue="warm-up"))
    folder = store.path.with_name("store.db.wake")
    folder.write_text("in the way")
    worker = store.worker()
    thread = threading.Thread(target=worker.consumer.wait, args=(("q",), 20.0, -1))
    thread.start()
    store.publish(parcel())
    thread.join(5)
    assert not thread.is_alive()
    folder.unlink()


@pytest.mark.parametrize("queue", ["q", "a/b", "..", "ü" * 300, "x" * 300, "\0", "", "a b%", "q-1"])
def test_every_name_of_a_queue_has_a_pipe_of_its_own(tmp_path, queue):
    path = str(tmp_path / "s.db")
    name = wake.queue_pipe(path, queue)
    assert str(Path(name).parent) == path + ".wake"
    assert len(Path(name).name.encode()) <= 255
    os.close(wake.open_pipe(name))
    assert Path(name).exists()
    assert name not in {wake.queue_pipe(path, other) for other in ("other", queue + "!", queue + "%00")}


def test_a_full_pipe_blocks_nobody(store):
    worker = store.worker()
    worker.consumer.wait(("q",), 0.0, -1)
    publisher = store.publisher()
    publisher.publish([parcel()])
    for _ in range(70_000):
        publisher._ringer.ring("q")
    publisher.publish([parcel()])
    assert len(worker.claim()) == 2


def test_a_watch_is_woken_by_every_way_a_result_is_written(store, slow_sweep):
    backend, control, worker = store.backend(), store.control(), store.worker()
    store.publish(parcel("settled"), parcel("other"))
    writers = {
        "stored": lambda: backend.store([record("stored")]),
        "settled": lambda: worker.settle(done(worker.claim(1)[0], "settled")),
        "revoked": lambda: control.revoke([Revocation("revoked")], [record("revoked", "REVOKED")]),
    }
    store.publish(parcel("revoked"))
    for task_id, write in writers.items():
        watch = store.open(store.backend().watch())
        watch.add([task_id])
        assert not watch.wait(0.0)
        write()
        assert watch.wait(10.0), task_id
        assert task_id in store.backend().fetch([task_id])
        watch.close()


def test_a_reader_that_died_is_forgotten_by_the_next_write(store):
    backend = store.backend()
    watch = backend.watch()
    watch.add(["a", "b"])
    watch._bell._sleeper.close()  # what the system does with a killed reader's pipe
    backend.store([record("a")])
    assert backend._link.read("SELECT * FROM waiter") == []
    watch.discard(["a", "b"])


def test_a_closed_watch_leaves_nothing(store):
    backend = store.backend()
    watch = backend.watch()
    watch.add(["a", "b", "a"])
    assert len(backend._link.read("SELECT * FROM waiter")) == 2
    watch.discard(["a", "never"])
    assert len(backend._link.read("SELECT * FROM waiter")) == 1
    watch.close()
    assert backend._link.read("SELECT * FROM waiter") == []
    assert list(store.path.parent.glob("*.wake/w-*")) == []


def test_stores_do_not_wake_each_other(tmp_path, slow_sweep):
    one, two = Store(tmp_path / "one"), Store(tmp_path / "two")
    worker = one.worker()
    two.publish(parcel())
    worker.consumer.wait(("q",), 0.0, -1)
    assert worker.claim() == []
    one.close(), two.close()


def test_a_removed_folder_of_pipes_is_made_again(store, monkeypatch):
    """By whoever sleeps there; who writes looks for the new one. Until then the sweep finds what comes."""
    monkeypatch.setattr(wake, "SWEEP", 0.05)
    publisher, consumer = store.publisher(), store.worker().consumer
    publisher.publish([parcel(queue="q")])
    consumer.turn([], None)
    consumer.wait(("other",), 0.0, -1)
    pipe = Path(wake.queue_pipe(str(store.path), "other"))
    shutil.rmtree(pipe.parent)
    consumer.wait(("other",), 0.3, -1)
    assert pipe.is_fifo()
    monkeypatch.setattr(wake, "SWEEP", 60.0)
    asleep = threading.Thread(target=consumer.wait, args=(("other",), 60.0, -1))
    asleep.start()
    publisher.publish([parcel(queue="other")])
    asleep.join(20)
    assert not asleep.is_alive()
