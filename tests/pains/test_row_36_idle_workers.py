"""Row 36: no worker talks to all others: what one idle worker asks of the broker does not grow with their number."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.link import Link

SECONDS = 4.0


@pytest.fixture
def link(store: str) -> Iterator[Link]:
    link = Link(Address.parse(store, {}))
    yield link
    link.close()


def commands(link: Link) -> int:
    stats = link.call("INFO", "stats").decode()
    return int(stats.split("total_commands_processed:")[1].split()[0])


def asked(link: Link) -> float:
    """Commands a second while nothing is to be done."""
    before, began = commands(link), time.monotonic()
    until(lambda: time.monotonic() > began + SECONDS, timeout=SECONDS + 10, step=0.05)
    return (commands(link) - before) / (time.monotonic() - began)


@stores("redis")
@pytest.mark.usefixtures("pains")
def test_an_idle_worker_asks_as_little_among_many(start: Callable[..., Any], link: Link) -> None:
    start("-c", "1", "-n", "first@%h")
    alone = asked(link)
    for number in range(4):
        start("-c", "1", "-n", f"w{number}@%h")
    among = asked(link) / 5
    print(f"{alone:.1f} commands a second of one idle worker, {among:.1f} of each among five")
    assert among < alone * 1.5 + 2
    assert alone < 40


@stores("rabbitmq")
@pytest.mark.usefixtures("pains")
def test_an_idle_worker_hears_as_little_among_many(start: Callable[..., Any], rabbitmq: RabbitMQ) -> None:
    """Messages that the server took and gave, heartbeats of connections apart."""

    def told() -> int:
        counted = "[maps:get(messages_received_total, All, 0) + maps:get(messages_delivered_total, All, 0)"
        return int(rabbitmq.eval(f"lists:sum({counted} || All <- maps:values(rabbit_global_counters:overview())])."))

    def messages() -> float:
        before, began = told(), time.monotonic()
        until(lambda: time.monotonic() > began + SECONDS, timeout=SECONDS + 10, step=0.05)
        return (told() - before) / (time.monotonic() - began)

    start("-c", "1", "-n", "first@%h")
    alone = messages()
    for number in range(2):
        start("-c", "1", "-n", f"w{number}@%h")
    among = messages() / 3
    print(f"{alone:.1f} messages a second of one idle worker, {among:.1f} of each among three")
    assert among < alone * 1.5 + 2
    assert alone < 10
