"""Row 30: what is urgent is next, whatever waits, on every store by the same name, and after its worker was killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.until import until
from umbel.priority import Priority


@pytest.fixture
def settings() -> dict[str, Any]:
    """RabbitMQ has priorities in queues that are declared so; the others always have them."""
    return {"task_queue_max_priority": 9}


@stores("sqlite", "redis", "rabbitmq")
def test_the_urgent_one_is_next(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    start("-c", "1")
    words, gate = tmp_path / "words", tmp_path / "gate"
    pains.note_pid.delay(str(gate), 2.0)
    until(gate.exists, timeout=20)
    send(pains, words, "low", Priority.LOW, 100)
    send(pains, words, "normal", Priority.NORMAL, 3)
    send(pains, words, "high", Priority.HIGH, 1)
    until(lambda: words.exists() and len(words.read_text().split()) == 104, timeout=40)
    assert words.read_text().split() == ["high"] + ["normal"] * 3 + ["low"] * 100


@stores("sqlite", "redis")
def test_what_is_taken_back_keeps_its_priority(pains: Any, start: Callable[..., Any], tmp_path: Path) -> None:
    holder = start("-c", "1", "-n", "one@%h")
    words, urgent = tmp_path / "words", tmp_path / "urgent"
    pains.note_pid.apply_async((str(urgent), 30.0), priority=Priority.HIGH)
    until(urgent.exists, timeout=20)
    send(pains, words, "low", Priority.LOW, 20)
    for pid in [holder.pid, *holder.children()]:
        os.kill(pid, signal.SIGKILL)
    start("-c", "1", "-n", "two@%h", "-Q", "another")
    until(lambda: sum(one.ready for one in pains.shelf().counts()) == 21, timeout=30)
    start("-c", "1", "-n", "three@%h")
    until(lambda: len(urgent.read_text().split()) == 2, "it to run again", timeout=30)
    assert not words.exists(), "nothing less urgent went before it"


def send(pains: Any, path: Path, word: str, priority: Priority, count: int) -> None:
    for _ in range(count):
        pains.note.apply_async((str(path), word), priority=priority)
