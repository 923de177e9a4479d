"""Row 13: behind an outage of the network every worker consumes again, whatever its pool, in the processes it had.

On Redis: tests/redis/test_outages.py and tests/redis/test_chaos_of_servers.py; servers that are killed or stopped:
tests/amqp/test_chaos.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until
from umbel.testing.network import Network

POOLS = {"process": ("-c", "1"), "thread": ("-P", "thread", "-c", "2"), "asyncio": ("-P", "asyncio", "-c", "2")}


@pytest.fixture
def settings() -> dict[str, Any]:
    """A silence is noticed after two seconds instead of eight."""
    return {"broker_heartbeat": 1}


@pytest.fixture
def network(rabbitmq: RabbitMQ) -> Iterator[Network]:
    with Network(rabbitmq.port) as network:
        yield network


@pytest.fixture
def store(rabbitmq: RabbitMQ, network: Network) -> Iterator[str]:
    with rabbitmq.place() as url:
        yield network.url(url)


@pytest.mark.long
def test_idle_workers_of_every_pool(pains: Any, start: Callable[..., Any], network: Network) -> None:
    pains.app.conf.task_publish_deadline = 30.0  # this process is behind the same network
    workers = [start(*pool, "-n", f"{name}@%h", "-Q", name) for name, pool in POOLS.items()]
    before = [set(worker.children()) for worker in workers]
    for fault in ("drop", "refuse", "stall"):
        getattr(network, fault)()
        end = time.monotonic() + (1.0 if fault == "refuse" else 0.0)
        until(lambda end=end: time.monotonic() >= end)
        network.heal()
        results = [pains.add.apply_async((number, number), queue=name) for name in POOLS for number in range(10)]
        assert [result.get(timeout=30) for result in results] == [2 * number for _ in POOLS for number in range(10)]
    assert [set(worker.children()) for worker in workers] == before
    for worker in workers:
        assert worker.stop() == 0
