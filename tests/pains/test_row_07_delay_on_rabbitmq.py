"""Row 7 on RabbitMQ: whatever the network does, `delay()` returns or raises within its deadline, and its twin blocks no
loop; the call after the recovery succeeds, from every thread and from a forked process.

A server that is stopped, or takes no messages: tests/amqp/test_publisher.py and row 6.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.support.forks import send_beside_forks
from tests.support.loops import longest_turn
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until
from umbel import Umbel
from umbel.exceptions import PublishTimeout, StoreUnavailable
from umbel.testing.network import Network

DEADLINE = 1.0


@pytest.fixture
def network(rabbitmq: RabbitMQ) -> Iterator[Network]:
    with Network(rabbitmq.port) as network:
        yield network


@pytest.fixture
def app(rabbitmq: RabbitMQ, network: Network) -> Iterator[Umbel]:
    with rabbitmq.place() as url, Umbel("pains", broker=network.url(url)) as app:
        app.conf.broker_heartbeat = 1  # a half-open connection is known for dead after two of them
        yield app


def ready(app: Umbel) -> int:
    with closing(app.broker.shelf()) as shelf:
        return sum(one.ready for one in shelf.counts())


def sent_in_time(app: Umbel) -> None:
    """A call that fails, within its deadline."""
    app.conf.task_publish_deadline = DEADLINE
    began = time.monotonic()
    with pytest.raises((StoreUnavailable, PublishTimeout)):
        app.send_task("pains.add", (1, 2))
    assert time.monotonic() - began < DEADLINE + 1.0
    app.conf.task_publish_deadline = 20.0


def test_the_first_call_of_all_raises_in_time(app: Umbel, network: Network) -> None:
    network.slow(byte_every=0.4)
    sent_in_time(app)
    network.heal()
    assert app.send_task("pains.add", (1, 2)).id


def test_the_call_raises_in_time_and_the_next_one_succeeds(app: Umbel, network: Network) -> None:
    app.send_task("pains.add", (1, 2))
    for fault in ("stall", "hold", "refuse"):
        getattr(network, fault)()
        sent_in_time(app)
        network.heal()
        assert app.send_task("pains.add", (1, 2)).id


def test_the_async_twin_blocks_no_loop(app: Umbel, network: Network) -> None:
    add = app.task(name="pains.add")(lambda x, y: x + y)
    app.conf.task_publish_deadline = DEADLINE
    network.stall()

    async def scenario() -> float:
        call = asyncio.ensure_future(add.adelay(1, 2))
        longest = await longest_turn(call)
        with pytest.raises((StoreUnavailable, PublishTimeout)):
            call.result()
        return longest

    assert asyncio.run(scenario()) < DEADLINE * 0.9
    network.heal()
    app.conf.task_publish_deadline = 20.0
    assert asyncio.run(add.adelay(1, 2)).id


def test_ten_threads_share_an_app_over_outages(app: Umbel, network: Network) -> None:
    """Each has its own connection; a failed call of one is nobody else's."""
    app.conf.task_publish_deadline = 20.0
    app.conf.task_publish_retry_policy = {"max_retries": None, "interval_start": 0.01, "interval_max": 0.05}
    with ThreadPoolExecutor(10) as pool:
        calls = [pool.submit(lambda: app.send_task("pains.add", (1, 2)).id) for _ in range(300)]
        for done in (50, 100):
            until(lambda done=done: sum(call.done() for call in calls) >= done, timeout=30)
            network.drop()
        assert len({call.result(timeout=40) for call in calls}) == 300
    assert ready(app) >= 300, "what was sent again after a lost answer may be there twice, and says so"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_after_the_first_use_is_safe(app: Umbel) -> None:
    """Parent and children send at the same time, each on a connection of its own."""
    add = app.task(name="pains.add")(lambda x, y: x + y)
    add.delay(1, 2)
    asyncio.run(add.adelay(1, 2))
    assert send_beside_forks(add, 2, 20) == [0, 0]
    assert ready(app) == 2 + 20 + 2 * 21
