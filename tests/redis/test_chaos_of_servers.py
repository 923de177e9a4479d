"""What happens to servers and networks at night, under load; the judge counts at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest

from tests.chaos.conftest import begun, children_of, kill_all
from tests.support import scale
from tests.support.history import append
from tests.support.servers import redis_server
from tests.support.until import until
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.link import Link
from umbel.adapters.redis.scripts import script
from umbel.control import Control
from umbel.exceptions import OperationalError, StoreFull
from umbel.testing.network import Network

pytestmark = [pytest.mark.chaos, scale.limit(150)]

PAUSE = scale.count(full=30, small=4)


@pytest.fixture
def durable(tmp_path_factory):
    """A server of this test alone that has written each command to disk before it answers."""
    with redis_server(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def network(durable):
    with Network(durable.port, seed=scale.seed()) as network:
        yield network


@pytest.fixture
def chaos(project, monkeypatch, network):
    url = network.url("redis://localhost/0")
    with begun(project, monkeypatch, url, url) as run:
        yield run


@pytest.fixture
def link(durable):
    link = Link(Address.parse(durable.url, {}))
    yield link
    link.close()


def passed(seconds):
    """Wait so long: nothing must happen meanwhile, or only what the end of the run is judged by."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() >= end, timeout=seconds + 10)


def went_on(chaos, more=20):
    """Wait until so many more tasks have ended."""
    done = chaos.ended()
    until(lambda: chaos.ended() >= done + more, chaos.counted, timeout=60)


def test_the_server_is_stopped_and_continued(chaos, durable):
    """A pause longer than every deadline and every lease: nobody is declared dead for it, nothing runs twice.

    Row 13 of tests/pains.
    """
    worker = chaos.worker("-c", "2")
    before = set(worker.children())
    chaos.send(scale.count(full=2_000, small=300), "work", 0.01)
    running = chaos.send(2, "work", PAUSE + 3.0)
    went_on(chaos)
    os.kill(durable.pid, signal.SIGSTOP)
    began = time.monotonic()
    chaos.tasks.app.conf.task_publish_deadline = 1.0
    with pytest.raises(OperationalError):
        chaos.tasks.work.delay()
    assert time.monotonic() - began < 2.0
    passed(PAUSE + 4)
    os.kill(durable.pid, signal.SIGCONT)
    until(lambda: chaos.ended() > 300, chaos.counted, timeout=60)
    chaos.settle()
    unknown = [one for one in chaos.history().starts if one not in chaos.history().enqueued]
    for one in unknown:  # the call that raised may have been stored after all
        append(chaos.path, "enqueued", one)
    assert len(unknown) <= 1
    assert chaos.faults() == []
    assert [chaos.starts(one) for one in running] == [1, 1]
    assert set(worker.children()) == before, worker.output()


def test_half_open_connections_are_given_up_and_running_tasks_go_on(chaos, network):
    worker = chaos.worker("-c", "2")
    before = set(worker.children())
    rounds = scale.count(full=20, small=2)
    chaos.send(200 * rounds, "work", 0.01)
    for _ in range(rounds):
        went_on(chaos, 5)
        network.stall()
        network.heal()
    chaos.settle()
    assert chaos.faults() == []
    assert chaos.history().repeated() == 0
    assert set(worker.children()) == before, worker.output()


def test_a_child_whose_connection_stays_silent_is_not_ready_and_is_replaced(chaos, network):
    """The store answers its supervisor all the while."""
    worker = chaos.worker("-c", "1", sabotage=["replace-the-silent=3"])
    before = children_of(worker)
    network.cut(containing=script("turn").digest, times=None)
    until(lambda: silence(chaos) > 1.0, lambda: f"{silence(chaos)}", timeout=30)
    worker.until_output("it is replaced", timeout=30)
    until(lambda: not set(children_of(worker)) & set(before), timeout=30)
    network.heal()
    chaos.send(5, "work")
    chaos.settle()
    assert silence(chaos) < 10.0
    assert chaos.faults() == []
    assert worker.stop() == 0


def silence(chaos):
    """What the worker says of its connections: seconds without an answer."""
    with Control(chaos.tasks.app) as control:
        (answer,) = control.inspect(timeout=10).stats().values()
    return answer["broker"]["silent"]


def test_packets_that_are_held_and_delivered_late(chaos, network):
    """Longer than deadlines and leases: what was sent and given up arrives behind its repetition."""
    worker = chaos.worker("-c", "2")
    before = set(worker.children())
    chaos.send(300, "work", 0.01)
    went_on(chaos)
    network.hold()
    passed(PAUSE + 4)
    network.heal()
    chaos.send(50, "work", 0.01)
    chaos.settle()
    assert chaos.faults() == []
    assert set(worker.children()) == before, worker.output()


def test_scripts_are_forgotten_and_clients_killed_under_load(chaos, link):
    worker = chaos.worker("-c", "2")
    before = set(worker.children())
    total = scale.count(full=4_000, small=400)
    chaos.send(total, "work", 0.002)
    rounds = scale.count(full=100, small=10)
    for part in range(rounds):
        until(lambda part=part: chaos.ended() >= total * part // rounds, chaos.counted, timeout=60)
        link.call("SCRIPT", "FLUSH")
        link.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    chaos.settle()
    assert chaos.faults() == []
    assert chaos.history().repeated() == 0
    assert set(worker.children()) == before, worker.output()


def test_at_maxmemory_new_work_is_refused_and_all_else_goes_on(chaos, link):
    """Claims, settles, renewals, give-backs and rescues pass, so the server becomes empty by working.

    Rows 6 and 39 of tests/pains.
    """
    chaos.send(100, "work", 0.01)
    held = chaos.send(1, "work", 2.0)[0]
    info = link.call("INFO", "memory").decode()
    used = int(info.split("used_memory:")[1].split()[0])
    link.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    link.call("CONFIG", "SET", "maxmemory", used + 2_000_000)
    refused = filled(chaos)
    assert refused
    worker = chaos.worker("-c", "2")
    until(lambda: chaos.starts(held), chaos.counted, timeout=60)
    chaos.killed()
    kill_all(worker)
    link.call("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(StoreFull, match="maxmemory"):
        chaos.tasks.work.delay()
    rescuer = chaos.worker("-c", "2")
    chaos.settle()
    with pytest.raises(StoreFull, match="maxmemory"):
        chaos.tasks.work.delay()
    link.call("CONFIG", "SET", "maxmemory", 0)
    chaos.send(10, "work")
    chaos.settle()
    assert chaos.faults() == []
    assert rescuer.stop() == 0


def filled(chaos):
    """Send large messages until the server refuses one; those that it took are noted. Returns how many it took."""
    for taken in range(500):
        try:
            append(chaos.path, "enqueued", chaos.tasks.work.apply_async((0.0,), headers={"padding": "x" * 50_000}).id)
        except StoreFull:
            return taken
    raise AssertionError("the server never became full")


def test_a_worker_is_killed_while_it_holds_a_thousand(chaos):
    """They outlast the lease, all are taken up again within seconds, and each runs exactly once more.

    Row 3 of tests/pains.
    """
    holder = chaos.worker("-P", "asyncio", "-c", "1000", "-n", "holder")
    rescuer = chaos.worker("-P", "asyncio", "-c", "1000", "-n", "rescuer", "-Q", "another")
    chaos.send(1_000, "doze", 9.0)
    until(lambda: chaos.started() == 1_000, chaos.counted, timeout=30)
    before = chaos.ended()
    chaos.killed()
    kill_all(holder)
    killed = time.time()
    until(lambda: chaos.ready("celery") >= 1_000 - before - 50, lambda: f"{chaos.left()}", timeout=30)
    taken_back = time.time() - killed
    chaos.worker("-P", "asyncio", "-c", "1000", "-n", "third")
    chaos.settle()
    print(f"{1_000 - before} were taken back {taken_back:.1f} s after the kill")
    assert taken_back < 15.0, "ten seconds, and what a busy machine adds"
    assert chaos.faults() == []
    assert chaos.history().repeated() >= 900 - before
    assert rescuer.stop() == 0


@pytest.fixture
def careless(tmp_path_factory):
    """A server of this test alone that writes to disk once a second."""
    with redis_server(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--appendfsync", "everysec") as server:
        yield server


def test_the_server_is_killed_and_loses_what_it_had_not_written(project, monkeypatch, careless):
    """The window is printed, not judged; what the server still knows of runs."""
    with begun(project, monkeypatch, careless.url, careless.url) as run:
        run.worker("-c", "2")
        run.send(scale.count(full=3_000, small=500), "work", 0.002)
        for _ in range(scale.count(full=10, small=2)):
            went_on(run, 50)
            run.killed()
            careless.kill()
            careless.start()
        until(lambda: answered(run), timeout=30)
        run.settle()
        history = run.history()
        lost = [one for one in history.enqueued if not history.ends.get(one)]
        unknown = [state for state in run.states(history.enqueued) if state != "SUCCESS"]
        print(f"lost {len(lost)} tasks, {len(unknown)} results, {history.repeated()} ran again")
        assert run.ready("celery") == 0
        assert len(history.ends) > 100


def answered(run):
    with contextlib.suppress(OperationalError):
        return [*run.left(), True]
    return []
