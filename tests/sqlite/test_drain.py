"""Processes that drain one queue together, killed in between: everything is run, nothing is held twice."""

from __future__ import annotations

import collections
import signal

import pytest

from tests.sqlite.store import parcel
from tests.support.until import until

DRAINER = """
import os, sys, time
from umbel import ids
from umbel.adapters.sqlite import open_broker
from umbel.broker import Owner, Want
from umbel.outcome import Done
from umbel.record import Record
broker = open_broker("sqlite:///" + sys.argv[1], {})
owner = Owner(ids.nonce(), "drainer@test", os.getpid(), "child", 0.0)
broker.owners().enlist(owner)
consumer, held = broker.consumer(owner), []
log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
while True:
    turn = consumer.turn([Done(each, Record(each.body.decode(), "SUCCESS", b"{}")) for each in held], Want(("q",), 40))
    assert not turn.fenced and not turn.refused, turn
    held = turn.deliveries
    time.sleep(float(sys.argv[3]))
    if held:
        os.write(log, b"".join(b"%d %d %s\\n" % (os.getpid(), each.tag, each.body) for each in held))
    else:
        consumer.wait(("q",), 30.0, -1)
"""


@pytest.fixture
def drainer(store, processes, tmp_path):
    script = tmp_path / "drainer.py"
    script.write_text(DRAINER)
    return lambda pace=0.0: processes.python(script, store.path, tmp_path / "log", str(pace))


def runs(tmp_path):
    """How often each message was claimed, by its body."""
    lines = (tmp_path / "log").read_text().splitlines()
    return collections.Counter(line.split()[2] for line in lines)


def workers(tmp_path):
    """The process ids of those that ran something."""
    log = tmp_path / "log"
    return {line.split()[0] for line in log.read_text().splitlines()} if log.exists() else set()


def test_two_processes_share_the_work(store, drainer, tmp_path):
    publisher = store.publisher()
    started = [drainer(), drainer()]
    total = 0

    def both_work():
        """Publishes more until both ran something: one of them may be long in starting, and be left with nothing."""
        nonlocal total
        publisher.publish([parcel(body=str(number).encode()) for number in range(total, total + 250)])
        total += 250
        return total >= 5000 and len(workers(tmp_path)) == 2

    until(both_work, "one of them did nothing", timeout=40, step=0.001)
    backend = store.backend()
    everything = [str(number) for number in range(total)]
    until(lambda: len(backend.fetch(everything)) == total, timeout=40, step=0.1)
    assert runs(tmp_path) == dict.fromkeys(everything, 1)
    assert store.sizes() == (0, 0, 0, 0)
    for process in started:
        process.stop(signal.SIGKILL)


def test_killed_processes_lose_nothing(store, drainer, tmp_path):
    total = 3000
    store.publish(*[parcel(body=str(number).encode()) for number in range(total)])
    owners, backend = store.owners(), store.backend()
    kills = 0
    for _ in range(6):
        process = drainer(0.02)
        seen = sum(runs(tmp_path).values()) if (tmp_path / "log").exists() else 0
        until(lambda seen=seen: (tmp_path / "log").exists() and sum(runs(tmp_path).values()) > seen, timeout=20)
        process.stop(signal.SIGKILL)
        owners.rescue()
        kills += 1
        assert store.faults() == []
    everything = [str(number) for number in range(total)]
    last = drainer()
    until(lambda: len(backend.fetch(everything)) == total, timeout=40, step=0.1)
    last.stop(signal.SIGKILL)
    owners.rescue()
    counted = runs(tmp_path)
    assert set(counted) == set(everything)
    assert sum(counted.values()) - total <= kills * 40, "more repeats than the kills justify"
    assert store.sizes() == (0, 0, 0, 0)
