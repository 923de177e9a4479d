"""Row 5: at no moment is a message in neither the queue nor a lease, whatever is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import apsw

from tests.support.until import until

CENSUS = """
SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM ready) + (SELECT count(*) FROM lease)
     + (SELECT count(*) FROM delayed) + (SELECT count(*) FROM dead), (SELECT total(count) FROM result)
"""


def test_each_message_is_in_exactly_one_place_at_every_moment(pains: Any, start: Callable[..., Any]) -> None:
    many = 2_000
    pains.add.delay_many([(n, n) for n in range(many)])
    connection = apsw.Connection("queue.db")
    looks = 0

    def census() -> tuple[int, int, int]:
        nonlocal looks
        looks += 1
        messages, places, results = next(connection.execute(CENSUS))
        assert messages == places, "a message is in two places, or in none"
        assert messages + results >= many, "a message is gone and has no result"
        return messages, places, results

    for _ in range(3):
        worker = start("-c", "2")
        before = census()[2]
        until(lambda before=before: census()[2] > before + 50 or census()[0] == 0, timeout=20)
        for pid in [worker.pid, *worker.children()]:
            os.kill(pid, signal.SIGKILL)
    start("-c", "2")
    until(lambda: census()[0] == 0, timeout=30)
    assert census()[2] == many
    assert looks > 10
    connection.close()
