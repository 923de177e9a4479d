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
from umbel.worker.supervisor import TIDY

SECONDS = 5.0


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
def test_idle_workers_are_told_nothing_of_each_other(start: Callable[..., Any], rabbitmq: RabbitMQ) -> None:
    """Over a round of all that they do from time to time; heartbeats of connections apart."""

    def messages(way: str) -> int:
        counted = f"[maps:get(messages_{way}_total, All, 0) || All <- maps:values(rabbit_global_counters:overview())]"
        return int(rabbitmq.eval(f"lists:sum({counted})."))

    start("-c", "1", "-n", "first@%h")
    round_over = time.monotonic() + TIDY + 1
    for number in range(2):
        start("-c", "1", "-n", f"w{number}@%h")
    told, said, began = messages("delivered"), messages("received"), time.monotonic()
    end = max(round_over, began + 3)
    until(lambda: time.monotonic() > end, timeout=60, step=0.05)
    told = messages("delivered") - told
    said_each = (messages("received") - said) / 3 / (time.monotonic() - began)
    print(f"{told} messages were delivered, {said_each:.1f} a second were sent by each of three idle workers")
    assert told < 10
    assert said_each < 2
