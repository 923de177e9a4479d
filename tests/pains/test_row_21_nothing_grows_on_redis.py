"""Row 21 on Redis: what comes with a task or a question has its end in the command that makes it, callers that die
leave nothing, and a process has a fixed number of connections."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.pains.conftest import stores
from tests.support.scale import count
from tests.support.until import until
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.link import Link
from umbel.control import Control


@pytest.fixture
def link(store: str) -> Iterator[Link]:
    link = Link(Address.parse(store, {}))
    yield link
    link.close()


def keys(link: Link) -> set[bytes]:
    """All keys; the database is small."""
    return set(link.call("KEYS", "*"))


def endless(link: Link, names: set[bytes]) -> set[bytes]:
    """Those that never end by themselves."""
    return {name for name in names if link.call("PTTL", name) == -1}


@stores("redis")
def test_what_comes_with_each_task_has_an_end(pains: Any, start: Callable[..., Any], link: Link) -> None:
    start("-c", "2")
    pains.add.delay(0, 0).get(timeout=20)
    before = endless(link, keys(link))
    total = count(full=100_000, small=1_000)
    results = pains.add.delay_many([(number, number) for number in range(total)])
    until(lambda: not pains.shelf().counts(), timeout=60)
    assert results[-1].get(timeout=20) == 2 * (total - 1)
    after = keys(link)
    assert len(after) > total
    assert endless(link, after) <= before, "only results, which have an end, came with the tasks"


@stores("redis")
def test_callers_that_are_killed_in_mid_question_leave_nothing(
    pains: Any, start: Callable[..., Any], link: Link, project: Any
) -> None:
    start("-c", "1")
    with Control(pains.app) as control:
        control.ping(timeout=0.5)
    # Sets whose members housekeeping removes at their end: shown in tests/redis/test_pidbox.py.
    kept = endless(link, keys(link)) | {b"umbel:tickets", b"umbel:inboxes", b"_kombu.binding.reply.celery.pidbox"}
    for _ in range(3):
        asking = project.processes.python(
            "-c",
            "import pains\nfrom umbel.control import Control\ncontrol = Control(pains.app)\nprint('asks', flush=True)\n"
            "while True:\n    control.ping(timeout=0.2)",
        )
        asking.until_output("asks")
        until(lambda: asking_began(link), timeout=20)
        asking.stop(signal.SIGKILL)
    assert endless(link, keys(link)) <= kept


def asking_began(link: Link) -> bool:
    """Whether an answer lies there."""
    return any(b"umbel:reply:" in name for name in keys(link))


@stores("redis")
def test_a_process_has_a_fixed_number_of_connections(pains: Any, start: Callable[..., Any], link: Link) -> None:
    worker = start("-c", "2")
    pains.add.delay(0, 0).get(timeout=20)
    before = connections(link)
    for _ in range(5):
        results = pains.add.delay_many([(number, number) for number in range(200)])
        assert [result.get(timeout=20) for result in results[:20]] == [2 * number for number in range(20)]
    until(lambda: connections(link) <= before + 1, lambda: f"{connections(link)} after {before}", timeout=20)
    assert before < 25, "the test, the supervisor and two children"
    assert worker.alive


def connections(link: Link) -> int:
    return len(link.call("CLIENT", "LIST").splitlines())
