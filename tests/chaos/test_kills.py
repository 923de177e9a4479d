"""Processes are killed, stopped and told to end at random moments: nothing is lost, nothing is stuck, and only what a kill
justifies runs twice."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Any

import pytest

from tests.chaos.conftest import FACTOR, Run
from tests.support.processes import descendants
from tests.support.until import until

pytestmark = pytest.mark.chaos


def grandchildren(worker: Any) -> list[int]:
    """The children that run tasks: the supervisor's child is the nursery, theirs are its children."""
    direct = set(worker.children())
    return [pid for pid in descendants(worker.pid) if pid not in direct or len(descendants(pid)) == 0]


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def test_children_killed_at_random_while_tasks_drain(chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    count = 1_000 * FACTOR
    chaos.send(count, "work", 0.002)
    kills = 0
    while chaos.left() and kills < 5 * FACTOR:
        victims = grandchildren(worker)
        if victims:
            chaos.killed()
            kill(random.choice(victims))
            kills += 1
        done = chaos.ended()
        until(lambda done=done: chaos.ended() > done or not chaos.left(), timeout=20)
    chaos.settle()
    assert kills
    assert chaos.faults() == []


def test_the_supervisor_killed_and_started_again(chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    chaos.send(300 * FACTOR, "work", 0.005)
    until(lambda: chaos.ended() > 20, timeout=20)
    family = descendants(worker.pid)
    chaos.killed()
    kill(worker.pid)
    until(lambda: not any(alive(pid) for pid in family), "the children to end with their supervisor", timeout=10)
    chaos.worker("-c", "2")
    chaos.settle()
    assert chaos.faults() == []


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_whole_group_killed_is_claimable_within_ten_seconds(chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    chaos.send(2, "work", 60.0)
    chaos.send(200 * FACTOR, "work", 0.005)
    until(lambda: len(chaos.tasks.app.broker.shelf().items("leased")) == 2, timeout=20)
    chaos.killed()
    for pid in [worker.pid, *descendants(worker.pid)]:
        kill(pid)
    held = [item.parcel.id for item in chaos.tasks.app.broker.shelf().items("leased")]
    begin = time.monotonic()
    chaos.worker("-c", "2")
    until(lambda: len(chaos.tasks.app.broker.shelf().items("leased")) == 2, timeout=10)
    assert time.monotonic() - begin < 10
    again = {item.parcel.id for item in chaos.tasks.app.broker.shelf().items("leased")}
    assert again == set(held)


def test_sigterm_under_load_loses_nothing_and_repeats_nothing_that_ended(chaos: Run) -> None:
    chaos.send(20 * FACTOR, "work", 0.8)
    chaos.send(100 * FACTOR, "work", 0.01)
    for _ in range(3):
        worker = chaos.worker("-c", "2")
        done = chaos.ended()
        until(lambda done=done: chaos.ended() > done + 1, timeout=20)
        assert worker.stop(signal.SIGTERM, timeout=15) == 0
        assert [item for item in chaos.tasks.app.broker.shelf().items("leased")] == []
    chaos.worker("-c", "4")
    chaos.settle(timeout=90)
    assert chaos.faults() == []


def test_a_stopped_child_is_replaced_and_settles_nothing_that_it_lost(chaos: Run) -> None:
    worker = chaos.worker("-c", "1")
    first = chaos.send(1, "work", 1.0)[0]
    until(lambda: first in started(chaos), timeout=20)
    victim = grandchildren(worker)[0]
    chaos.killed()
    kill(victim, signal.SIGSTOP)
    until(lambda: len(started(chaos).get(first, ())) == 2, "the task to run again elsewhere", timeout=20)
    kill(victim, signal.SIGCONT)
    chaos.settle()
    assert chaos.faults() == []


def test_a_child_that_is_stopped_for_a_moment_goes_on(chaos: Run) -> None:
    worker = chaos.worker("-c", "1")
    only = chaos.send(1, "work", 0.5)[0]
    until(lambda: only in started(chaos), timeout=20)
    victim = grandchildren(worker)[0]
    kill(victim, signal.SIGSTOP)
    state = f"/proc/{victim}/stat"
    until(lambda: open(state).read().rpartition(")")[2].split()[0] == "T")
    kill(victim, signal.SIGCONT)
    chaos.settle()
    assert chaos.faults() == []
    assert grandchildren(worker) == [victim]


def started(chaos: Run) -> dict[str, list[float]]:
    from tests.support.history import History

    return dict(History.read(chaos.path).starts)


@pytest.mark.parametrize("how", ["exit", "segfault"])
def test_a_task_that_kills_its_worker_is_set_aside_after_three_deaths(chaos: Run, how: str) -> None:
    chaos.worker("-c", "2")
    poison = chaos.tasks.harmful.delay(how)
    chaos.send(100, "work", 0.01)
    chaos.settle()
    assert len(started(chaos)[poison.id]) == 3
    assert poison.state == "FAILURE"
    dead = chaos.tasks.app.broker.shelf().items("dead")
    assert [item.parcel.id for item in dead] == [poison.id]
    assert "3 times" in dead[0].reason
    faults = [fault for fault in chaos.faults() if poison.id not in fault]
    assert faults == []


def test_children_that_are_replaced_after_each_task_keep_working(chaos: Run) -> None:
    chaos.worker("-c", "2", "--max-tasks-per-child", "3")
    chaos.send(60 * FACTOR, "work", 0.001)
    chaos.settle()
    assert chaos.faults() == []
