"""Row 6: a call either returns, and the task runs, or raises a typed error, and it never runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.until import until
from umbel.exceptions import EncodeError, OperationalError, QueueFull

both = stores("sqlite", "redis")


@both
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


@both
def test_a_large_message_arrives_whole(pains: Any, start: Callable[..., Any]) -> None:
    start("-c", "1")
    result = pains.add.delay("x" * 8_000_000, "y")
    assert len(until(lambda: result.get(timeout=20))) == 8_000_001
