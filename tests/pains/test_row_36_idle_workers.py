"""Row 36: no worker talks to all others: an idle one asks its broker once a second, however many there are."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.link import Link
from umbel.worker.supervisor import TIDY

SECONDS = 10.0


@pytest.fixture
def link(store: str) -> Iterator[Link]:
    link = Link(Address.parse(store, {}))
    yield link
    link.close()


def counted(link: Link) -> Counter[str]:
    """What the server says of itself: requests that it has read, and calls of each command, those of scripts too."""
    said = link.call("INFO", "stats").decode() + link.call("INFO", "commandstats").decode()
    rows = dict(row.split(":", 1) for row in said.splitlines() if ":" in row)
    calls = {name: int(row.split("calls=")[1].split(",")[0]) for name, row in rows.items() if "calls=" in row}
    return Counter({"requests": int(rows["total_reads_processed"]), **calls})


def asked(link: Link, workers: int, children: int) -> tuple[float, float]:
    """Requests, and scripts among them, of each worker a second while nothing is to be done."""
    ears = workers + children  # they have read then what there was at the start
    until(lambda: counted(link)["cmdstat_client|tracking"] >= ears and counted(link)["cmdstat_hscan"] >= workers)
    before, began = counted(link), time.monotonic()
    until(lambda: time.monotonic() > began + SECONDS, timeout=SECONDS + 10, step=0.05)
    made, seconds = counted(link) - before, time.monotonic() - began
    print({name: count for name, count in made.items() if count}, f"in {seconds:.1f} s")
    return (made["requests"] - 2) / seconds / workers, made["cmdstat_evalsha"] / seconds / workers


@stores("redis")
@pytest.mark.usefixtures("pains")
@pytest.mark.long
def test_an_idle_worker_asks_once_a_second_and_no_more_among_many(start: Callable[..., Any], link: Link) -> None:
    start("-c", "8", "-n", "first@%h", fresh=True)
    alone, scripts = asked(link, 1, 8)
    assert scripts <= 0.9
    assert alone <= 1.2  # the fifth is for what falls into these ten seconds and belongs to the next ones
    for number in range(4):
        start("-c", "1", "-n", f"w{number}@%h", fresh=True)
    among, scripts = asked(link, 5, 12)
    assert scripts <= 0.9
    assert among <= 1.2


@stores("rabbitmq")
@pytest.mark.usefixtures("pains")
@pytest.mark.long
def test_idle_workers_are_told_nothing_of_each_other(start: Callable[..., Any], rabbitmq: RabbitMQ) -> None:
    """Over a round of all that they do from time to time; heartbeats of connections apart."""

    def messages(way: str) -> int:
        counted = f"[maps:get(messages_{way}_total, All, 0) || All <- maps:values(rabbit_global_counters:overview())]"
        return int(rabbitmq.eval(f"lists:sum({counted})."))

    start("-c", "1", "-n", "first@%h")
    round_over = time.monotonic() + TIDY + 1
    for number in range(2):
        start("-c", "1", "-n", f"w{number}@%h")
    last, since = -1, 0.0

    def quiet() -> bool:
        """What the starts brought about is over: nothing has been delivered for a second."""
        nonlocal last, since
        before, last = last, messages("delivered")
        since = since if last == before else time.monotonic()
        return time.monotonic() - since > 1.0

    until(quiet, timeout=30)
    told, said, began = messages("delivered"), messages("received"), time.monotonic()
    end = max(round_over, began + 3)
    until(lambda: time.monotonic() > end, timeout=60, step=0.05)
    told = messages("delivered") - told
    said_each = (messages("received") - said) / 3 / (time.monotonic() - began)
    print(f"{told} messages were delivered, {said_each:.1f} a second were sent by each of three idle workers")
    assert told < 10
    assert said_each < 2
