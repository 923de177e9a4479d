"""Row 11: a RabbitMQ that closes the channel of a long task, sooner than its worker was told, is no reason to run it
again or to replace its process; a delayed task holds no delivery.

A worker that was told: tests/amqp/test_worker.py, a task longer than the consumer timeout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until


@pytest.fixture
def _impatient(rabbitmq: RabbitMQ) -> Iterator[None]:
    """Channels that are opened now are closed after two seconds with an open delivery."""
    rabbitmq.eval(
        "application:set_env(rabbit, consumer_timeout, 2000), application:set_env(rabbit, channel_tick_interval, 500)."
    )
    yield
    rabbitmq.eval(
        "application:set_env(rabbit, consumer_timeout, 1800000),"
        "application:set_env(rabbit, channel_tick_interval, 60000)."
    )


@pytest.mark.usefixtures("_impatient")
@stores("quorum")
def test_a_long_task_and_a_delayed_one_run_once(
    pains: Any, start: Callable[..., Any], rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    long, later = tmp_path / "long", tmp_path / "later"
    worker = start("-c", "2")
    before = set(worker.children())
    results = [
        pains.note_pid.delay(str(long), 6.0),
        pains.note_pid.apply_async((str(later), 0.0), countdown=4),
    ]
    for result in results:
        assert result.get(timeout=30) is None
    assert pains.add.delay(1, 2).get(timeout=20) == 3
    assert [len(path.read_text().split()) for path in (long, later)] == [1, 1]
    assert set(worker.children()) == before
    assert worker.stop() == 0
    until(lambda: not pains.shelf().counts(), lambda: f"{pains.shelf().counts()}")
    log = max((rabbitmq.folder / "log").glob("*.log"), key=lambda path: path.stat().st_size)
    assert "delivery acknowledgement on channel" in log.read_text(errors="replace"), "it was closed"
