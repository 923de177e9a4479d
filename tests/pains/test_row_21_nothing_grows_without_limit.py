"""Row 21: expired results go by themselves, and callers killed in the middle of a question leave nothing behind."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.support.until import until

ASK_AND_DIE = """
import os, threading
import pains
from umbel.control import Control

control = Control(pains.app)
control.ping(timeout=0.2)
print(1, flush=True)
threading.Timer(0.05, os._exit, (0,)).start()
while True:
    control.ping(timeout=0.5)
"""


def rows(table: str) -> int:
    connection = apsw.Connection("queue.db")
    try:
        return int(next(connection.execute(f"SELECT count(*) FROM {table}"))[0])
    finally:
        connection.close()


@pytest.mark.long
def test_expired_results_are_removed_by_the_worker(
    pains: Any, start: Callable[..., Any], monkeypatch: Any, project: Any
) -> None:
    project.write("brief.py", "from pains import *\napp.conf.result_expires = 1\n")
    worker = project.forked_worker("brief", "-l", "INFO", "-c", "1")
    worker.until_output("ready.", timeout=20)
    pains.add.delay_many([(n, n) for n in range(1500)])
    assert until(lambda: rows("result") > 0, timeout=20)
    until(lambda: not pains.shelf().counts() and rows("result") == 0, lambda: f"{rows('result')}", timeout=40)


@pytest.mark.long
def test_callers_killed_in_mid_question_leave_nothing(pains: Any, start: Callable[..., Any], project: Any) -> None:
    worker = start("-c", "1")
    for _ in range(2):
        one = project.processes.python(
            "-c", "import pains\nr = pains.block.delay(600)\nprint('waits', flush=True)\nr.get(timeout=60)"
        )
        one.until_output("waits")
        until(lambda: rows("waiter") > 1, "the reader beside the worker", timeout=10)
        one.send(signal.SIGKILL)
        one.wait()
        asked = project.python(ASK_AND_DIE)
        assert asked.stdout.strip() == "1"
    until(lambda: rows("waiter") <= 1, lambda: f"{rows('waiter')} waiters", timeout=40)
    assert worker.alive
    assert len(list(Path("queue.db.wake").glob("w-*"))) < 10
