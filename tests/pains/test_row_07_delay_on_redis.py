"""Row 7 on Redis: whatever the network does, `delay()` returns or raises within its deadline, and its twin blocks no
loop; the call after the recovery succeeds, from every thread and from a forked process."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.forks import send_beside_forks
from tests.support.loops import longest_turn
from tests.support.servers import Redis, redis_server
from tests.support.until import until
from umbel import Umbel
from umbel.exceptions import PublishTimeout, StoreUnavailable
from umbel.testing.network import Network

DEADLINE = 1.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def network(server: Redis) -> Iterator[Network]:
    with Network(server.port) as network:
        yield network


@pytest.fixture
def app(network: Network) -> Iterator[Umbel]:
    with Umbel("pains", broker=network.url("redis://localhost/0")) as app:
        app.conf.task_publish_deadline = DEADLINE
        yield app


def fail(fault: str, network: Network, server: Redis) -> None:
    if fault == "stopped":
        os.kill(server.pid, signal.SIGSTOP)
    elif fault == "drips":
        network.slow(byte_every=0.4)
    else:
        getattr(network, fault)()


def recover(network: Network, server: Redis) -> None:
    os.kill(server.pid, signal.SIGCONT)
    network.heal()


FAULTS = pytest.mark.parametrize("fault", ["stall", "hold", "refuse", "stopped", "drips"])
OPENED = pytest.mark.parametrize("opened", [False, True], ids=["first use", "open"])


@FAULTS
@OPENED
def test_the_call_raises_in_time_and_the_next_one_succeeds(
    app: Umbel, network: Network, server: Redis, fault: str, opened: bool
) -> None:
    if opened:
        app.send_task("pains.add", (1, 2))
    fail(fault, network, server)
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises((StoreUnavailable, PublishTimeout)):
            app.send_task("pains.add", (1, 2))
        assert time.monotonic() - began < DEADLINE + 0.6
    recover(network, server)
    assert app.send_task("pains.add", (1, 2)).id


@FAULTS
def test_the_async_twin_blocks_no_loop(app: Umbel, network: Network, server: Redis, fault: str) -> None:
    add = app.task(name="pains.add")(lambda x, y: x + y)
    fail(fault, network, server)

    async def scenario() -> float:
        call = asyncio.ensure_future(add.adelay(1, 2))
        longest = await longest_turn(call)
        with pytest.raises((StoreUnavailable, PublishTimeout)):
            call.result()
        return longest

    assert asyncio.run(scenario()) < DEADLINE * 0.9
    recover(network, server)
    assert asyncio.run(add.adelay(1, 2)).id


def test_thirty_threads_share_an_app_over_outages(app: Umbel, network: Network) -> None:
    """Each has its own connection; a failed call of one is nobody else's."""
    app.conf.task_publish_deadline = 20.0
    app.conf.task_publish_retry_policy = {"max_retries": None, "interval_start": 0.01, "interval_max": 0.05}

    def send(_: int) -> str:
        return str(app.send_task("pains.add", (1, 2)).id)

    with ThreadPoolExecutor(30) as pool:
        calls = [pool.submit(send, number) for number in range(600)]
        for done in (100, 200, 300):
            until(lambda done=done: sum(call.done() for call in calls) >= done, timeout=30)
            network.drop()
        assert len({call.result(timeout=40) for call in calls}) == 600
    app.close()
    shelf = app.broker.shelf()
    assert [count.ready for count in shelf.counts()] == [600]
    shelf.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_after_the_first_use_is_safe(app: Umbel, network: Network) -> None:
    """Parent and child send at the same time, each on a connection of its own, and numbers of its own."""
    add = app.task(name="pains.add")(lambda x, y: x + y)
    add.delay(1, 2)
    asyncio.run(add.adelay(1, 2))
    assert send_beside_forks(add, 3, 50) == [0, 0, 0]
    shelf = app.broker.shelf()
    assert [count.ready for count in shelf.counts()] == [2 + 50 + 3 * 51]
    shelf.close()
