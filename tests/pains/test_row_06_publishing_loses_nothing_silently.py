"""Row 6: a call either returns, and the task runs, or raises a typed error, and it never runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores, vhost
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until
from umbel.exceptions import EncodeError, OperationalError, QueueFull, StoreFull

both = stores("sqlite", "redis")


@stores("sqlite", "redis", "rabbitmq")
def test_the_calls_that_returned_are_the_tasks_that_ran(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    pains.app.conf.task_queue_max_length = {"celery": 30}
    words = tmp_path / "words"
    returned, refused = [], 0
    for number in range(50):
        try:
            returned.append((number, pains.note.delay(str(words), str(number))))
        except QueueFull:
            refused += 1
    assert (len(returned), refused) == (30, 20)
    start("-c", "2")
    for _, result in returned:
        result.get(timeout=20)
    assert sorted(map(int, words.read_text().split())) == [number for number, _ in returned]


@both
def test_what_cannot_be_sent_raises_in_the_call(pains: Any) -> None:
    with pytest.raises(EncodeError):
        pains.add.delay(object(), 1)
    with pytest.raises(TypeError):
        pains.add.delay(1)
    assert pains.shelf().counts() == []


def test_a_store_that_cannot_be_written_raises_in_the_call(pains: Any, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    foreign.write_bytes(b"this is no database, and it is long enough to be read as one" * 20)
    other = type(pains.app)("other", broker=f"sqlite:///{foreign}")
    with other, pytest.raises(OperationalError, match=r"foreign\.db"):
        other.send_task("pains.add", (1, 2))
    assert foreign.read_bytes().startswith(b"this is no database")


@stores("sqlite", "redis", "quorum")
def test_a_large_message_arrives_whole(pains: Any, start: Callable[..., Any]) -> None:
    start("-c", "1")
    result = pains.add.delay("x" * 8_000_000, "y")
    assert len(until(lambda: result.get(timeout=20))) == 8_000_001


@stores("rabbitmq")
def test_an_alarm_and_a_queue_that_is_gone(
    pains: Any, start: Callable[..., Any], rabbitmq: RabbitMQ, store: str, tmp_path: Path
) -> None:
    """Redis at its maxmemory: tests/redis/test_chaos_of_servers.py."""
    words = tmp_path / "words"
    numbers = iter(range(100))

    def sent(many: int) -> list[int]:
        calls = [next(numbers) for _ in range(many)]
        for number in calls:
            pains.note.delay(str(words), str(number))
        return calls

    sent(5)
    rabbitmq.eval(
        f'{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost(store)}">>, queue, <<"celery">>)),'
        '{ok, 5} = rabbit_amqqueue:delete(Queue, false, false, <<"tests">>).'
    )
    returned = sent(5)
    with rabbitmq.memory_alarm():
        for deadline in (2.0, 0.3):  # the first hears of it, the others know
            pains.app.conf.task_publish_deadline = deadline
            began = time.monotonic()
            with pytest.raises(StoreFull, match="memory"):
                sent(1)
            assert time.monotonic() - began < deadline + 1.5
    pains.app.conf.task_publish_deadline = 20.0
    returned += sent(5)
    start("-c", "1")
    last = pains.add.delay(1, 2)
    assert last.get(timeout=20) == 3
    ran = [int(word) for word in words.read_text().split()]
    assert len(ran) == len(set(ran))
    assert set(returned) <= set(ran) <= {*returned, 10}, "the first that was refused was under way"
