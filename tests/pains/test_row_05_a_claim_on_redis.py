"""Row 5 on Redis: at no moment is a message in neither the queue nor a lease, whatever is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from tests.pains.conftest import stores
from tests.support.until import until

MANY = 1_000


@stores("redis")
def test_each_message_is_in_one_place_or_has_its_result(pains: Any, start: Callable[..., Any]) -> None:
    """Results only become more, so those that are counted before and after the messages bound their number."""
    ids = pains.block.delay_many([(0.002,)] * MANY).ids
    backend = pains.app.backend()

    def census() -> tuple[int, int]:
        before = len(backend.fetch(ids))
        messages = sum(one.ready + one.delayed + one.leased + one.dead for one in pains.shelf().counts())
        after = len(backend.fetch(ids))
        assert messages + before <= MANY, "a message is in two places"
        assert messages + after >= MANY, "a message is gone and has no result"
        return messages, after

    for part in (1, 2, 3):
        worker = start("-c", "2")
        until(lambda part=part: census()[1] > MANY * part // 8, timeout=40)
        for pid in [worker.pid, *worker.children()]:
            os.kill(pid, signal.SIGKILL)
    start("-c", "2")
    until(lambda: census() == (0, MANY), timeout=60)
