"""Connections that end when the server has done what it was asked and nobody is told, or before it was asked."""

from __future__ import annotations

import pytest

from tests.chaos.conftest import begun
from tests.support import scale
from tests.support.history import append
from tests.support.servers import redis_server
from tests.support.until import until
from umbel.adapters.redis.scripts import script
from umbel.testing.network import Network

PATIENT = {"max_retries": None, "interval_start": 0.01, "interval_step": 0.01, "interval_max": 0.1}

STEPS = ("publish", "turn", "renew", "rescue", "tidy", "result_fetch")


@pytest.fixture
def durable(tmp_path_factory):
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
        run.tasks.app.conf.task_publish_retry_policy = PATIENT
        run.tasks.app.conf.task_publish_deadline = 30.0
        yield run


def sent_until(chaos, over, *, ahead=100):
    """Call tasks one by one until it is over, so many at most before their turn; returns how many."""
    sent = 0
    while not over():
        for _ in range(20):
            append(chaos.path, "enqueued", chaos.tasks.work.delay().id)
        sent += 20
        until(lambda sent=sent: chaos.ended() > sent - ahead, chaos.counted, timeout=60)
    return sent


@pytest.mark.chaos
@scale.limit(240)
@pytest.mark.parametrize("pool", [("-c", "2"), ("-P", "thread", "-c", "4")], ids=["process", "thread"])
def test_a_thousand_cuts_lose_nothing_and_repeat_nothing(chaos, network, pool):
    """Row 5 of tests/pains."""
    cuts = scale.count(full=1_000, small=60)
    worker = chaos.worker(*pool)
    for step in STEPS:
        network.cut(containing=script(step).digest, times=None, chance=0.3)
        network.cut(containing=script(step).digest, times=None, chance=0.1, when="request")
    sent = sent_until(chaos, lambda: network.cuts >= cuts)
    network.heal()
    chaos.settle()
    print(f"{network.cuts} cuts, {network.requests} requests, {sent} tasks")
    assert chaos.faults() == []
    assert (chaos.started(), chaos.history().repeated()) == (sent, 0), "one stored message per call, each run once"
    assert worker.stop() == 0
