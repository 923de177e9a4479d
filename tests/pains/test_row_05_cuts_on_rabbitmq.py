"""Row 5 on RabbitMQ: connections end before or behind the word that a message is done, and none is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import scale
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until
from umbel.testing.network import Network

ACK = b"\x00\x3c\x00\x50"  # the method's number
CUTS = scale.count(full=500, small=4)


@pytest.fixture
def network(rabbitmq: RabbitMQ) -> Iterator[Network]:
    with Network(rabbitmq.port, seed=scale.seed()) as network:
        yield network


@pytest.fixture
def store(rabbitmq: RabbitMQ, network: Network) -> Iterator[str]:
    """Everybody speaks through the network; what is published is published before it goes bad."""
    with rabbitmq.place() as url:
        yield network.url(url)


@scale.limit(60)
def test_every_message_runs_whenever_a_connection_ends(
    pains: Any, start: Callable[..., Any], network: Network, tmp_path: Path
) -> None:
    words = tmp_path / "words"
    total = CUTS * 60
    results = pains.note.delay_many([(str(words), str(number), 0.01) for number in range(total)])
    network.cut(containing=ACK, times=None, chance=0.3)
    network.cut(containing=ACK, times=None, chance=0.1, when="request")
    worker = start("-c", "2")
    until(lambda: network.cuts >= CUTS, lambda: f"{network.cuts} cuts", timeout=20 + CUTS)
    network.heal()
    for result in results:
        result.get(timeout=40)
    until(lambda: not pains.shelf().counts(), lambda: f"{pains.shelf().counts()}", timeout=30)
    runs = Counter(words.read_text().split())
    print(f"{network.cuts} cuts, {total} tasks, {runs.total() - total} ran again")
    assert len(runs) == total
    assert runs.total() - total <= 2 * network.cuts, "more than the cuts justify"
    assert worker.alive
