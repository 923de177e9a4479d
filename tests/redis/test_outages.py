"""The server goes away under a worker: it waits, its processes and what they run go on, and it consumes again."""

from __future__ import annotations

import signal
import time
from contextlib import closing

import pytest

from tests.support.servers import redis_server
from tests.support.until import until
from umbel import Umbel, health
from umbel.testing.network import Network

TASKS = """
    import os, time
    from umbel import Umbel

    app = Umbel("outages", broker={url!r}, backend={url!r}, broker_transport_options={{"timeout": 1.0}})

    @app.task
    def pid():
        return os.getpid()

    @app.task
    def hold(path):
        open(path + ".runs", "a").write("x")
        while not os.path.exists(path):
            time.sleep(0.01)
        return os.getpid()

    @app.task(acks_late=False)
    def early(path):
        open(path, "a").write("x")
"""

POOLS = pytest.mark.parametrize(
    "pool", [("-c", "2"), ("-P", "thread", "-c", "2"), ("-P", "asyncio", "-c", "2")],
    ids=["process", "thread", "asyncio"],
)  # fmt: skip


@pytest.fixture
def durable(tmp_path_factory):
    """A server of this test alone that has written each command to disk before it answers."""
    with redis_server(tmp_path_factory.mktemp("redis"), "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture
def network(durable):
    with Network(durable.port) as network:
        yield network


@pytest.fixture
def outages(project, network):
    """The project, its worker speaking through the network."""
    project.write("outages.py", TASKS.format(url=network.url("redis://localhost/0")))
    return project


def asked(project, code):
    return project.client(f"from outages import *\n{code}", timeout=60).stdout.split()


def till_it_says(worker, text, times=1):
    until(lambda: worker.output().count(text) >= times, worker.output, timeout=30)


@POOLS
def test_an_idle_worker_outlives_a_server_that_is_restarted(outages, durable, pool):
    """Row 13 of tests/pains."""
    worker = outages.forked_worker("outages", *pool, "-l", "info")
    worker.until_output("ready.", timeout=30)
    before = set(worker.children())
    for times in (1, 2):
        durable.kill()
        till_it_says(worker, "The store does not answer, ", times)
        durable.start()
        assert int(*asked(outages, "print(pid.delay().get(timeout=30))")) in before
    assert set(worker.children()) == before, worker.output()
    assert worker.stop() == 0


@POOLS
def test_a_sleeper_whose_connection_fails_while_the_others_work(outages, network, pool):
    """The connection that waits for news is another one than that which claims."""
    worker = outages.forked_worker("outages", *pool, "-l", "info")
    worker.until_output("ready.", timeout=30)
    before = set(worker.children())
    network.cut(containing=b"TRACKING", times=None)
    network.drop()
    until(lambda: network.cuts > 8, lambda: f"{network.cuts}\n{worker.output()}", timeout=30)
    assert int(*asked(outages, "print(pid.delay().get(timeout=30))")) in before
    network.heal()
    assert int(*asked(outages, "print(pid.delay().get(timeout=30))")) in before
    assert worker.stop() == 0


@POOLS
@pytest.mark.parametrize("fault", ["kill", "stall"])
@pytest.mark.long
def test_what_runs_goes_on_and_its_outcome_is_stored_after_the_outage(outages, durable, network, pool, fault, tmp_path):
    """Row 12 of tests/pains."""
    worker = outages.forked_worker("outages", *pool, "-l", "info")
    worker.until_output("ready.", timeout=30)
    before = set(worker.children())
    go, runs = tmp_path / "go", tmp_path / "go.runs"
    asked(outages, f"hold.apply_async(({str(go)!r},), task_id='held')")
    until(runs.exists, worker.output, timeout=20)
    if fault == "kill":
        durable.kill()
    else:
        network.stall()
    go.touch()
    till_it_says(worker, "outcomes wait")
    if fault == "kill":
        durable.start()
    else:
        network.heal()
    assert int(*asked(outages, "print(app.AsyncResult('held').get(timeout=40))")) in before
    assert runs.read_text() == "x"
    assert int(*asked(outages, "print(pid.delay().get(timeout=30))")) in before, worker.output()
    assert worker.stop() == 0


@pytest.mark.chaos
def test_a_worker_says_that_it_lives_and_obeys_while_the_server_is_away(outages, network):
    """Whoever probes it would kill it, and what it runs, for an outage that is not its own."""
    outages.write("slow.py", "from outages import *\napp.conf.broker_transport_options = {'timeout': 3.0}\n")
    worker = outages.forked_worker("slow", "-c", "1", "-l", "info")
    worker.until_output("ready.", timeout=30)
    (path,) = (outages.folder / "state" / "run").glob("*.health")
    network.stall()
    began, oldest = time.monotonic(), 0.0

    def over():
        nonlocal oldest
        oldest = max(oldest, time.monotonic() - health.read(str(path)).beat)
        return time.monotonic() > began + 15

    until(over, timeout=30)
    assert worker.output().count("does not answer the supervisor") > 1
    assert oldest < 5.5, "one call of 3 s may stand between two beats, not all of them"
    began = time.monotonic()
    worker.send(signal.SIGTERM)
    worker.until_output("Warm shutdown", timeout=20)
    assert time.monotonic() - began < 4.5
    network.heal()
    assert worker.wait(timeout=60) == 0


@pytest.mark.long
def test_a_worker_that_the_server_has_forgotten_is_enlisted_again(outages, durable):
    """A server that was emptied or restarted without its memory, or a supervisor that was stopped for too long."""
    worker = outages.forked_worker("outages", "-c", "1", "-l", "info")
    worker.until_output("ready.", timeout=30)
    with Umbel("outages", broker=durable.url) as app, closing(app.broker.owners()) as owners:
        (before,) = [owner for owner in owners.roll() if owner.role == "supervisor"]
        owners.retire(before.nonce)
        assert before.nonce not in {owner.nonce for owner in owners.roll()}
        again = until(lambda: [one for one in owners.roll() if one.role == "supervisor"], worker.output, timeout=40)
    assert (again[0].node, again[0].pid) == (before.node, before.pid)
    assert worker.stop() == 0


def test_nothing_starts_while_it_cannot_be_acknowledged_early(outages, network, tmp_path):
    worker = outages.forked_worker("outages", "-c", "1")
    path = tmp_path / "ran"
    network.cut(containing=b"\r\nH\r\n", times=None, when="request")
    asked(outages, f"early.apply_async(({str(path)!r},), task_id='early')")
    until(lambda: network.cuts > 2, worker.output, timeout=30)
    assert not path.exists()
    network.heal()
    assert asked(outages, "print(app.AsyncResult('early').get(timeout=30))") == ["None"]
    assert path.read_text() == "x"


def test_nothing_starts_while_it_is_not_known_what_is_revoked(outages, durable, network, tmp_path):
    worker = outages.forked_worker("outages", "-c", "1", "-l", "info")
    worker.until_output("ready.", timeout=30)
    before = set(worker.children())
    network.cut(containing=b"umbel:revocations", times=None)
    with Umbel("outages", broker=durable.url, backend=durable.url) as past_the_network:
        past_the_network.AsyncResult("another").revoke()
    asked(outages, f"hold.apply_async(({str(tmp_path / 'go')!r},), task_id='held')")
    until(lambda: network.cuts > 6, worker.output, timeout=30)
    assert not (tmp_path / "go.runs").exists()
    assert set(worker.children()) == before, worker.output()
    network.heal()
    (tmp_path / "go").touch()
    asked(outages, "app.AsyncResult('held').get(timeout=30)")
    assert (tmp_path / "go.runs").read_text() == "x"
