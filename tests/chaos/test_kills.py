"""Processes are killed, stopped and told to end at random moments: nothing is lost, nothing is
stuck, and only what a kill justifies runs twice."""

from __future__ import annotations

import signal
import time

import pytest

from tests.chaos.conftest import Run, children_of, kill, kill_all, kill_children
from tests.support.processes import descendants, state, until_gone
from tests.support.scale import count, factor, limit
from tests.support.until import until

pytestmark = [pytest.mark.chaos, limit(90)]


def test_children_killed_at_random_while_tasks_drain(chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    chaos.send(count(full=10_000, small=1_000), "work", 0.002)
    kills = kill_children(chaos, worker, count(full=50, small=5))
    chaos.settle()
    assert kills
    assert chaos.faults() == []


def test_the_supervisor_killed_and_started_again(chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    chaos.send(count(full=3_000, small=300), "work", 0.005)
    until(lambda: chaos.ended() > 20, timeout=20)
    family = descendants(worker.pid)
    chaos.killed()
    kill(worker.pid)
    until_gone(family)
    chaos.worker("-c", "2")
    chaos.settle()
    assert chaos.faults() == []


def whole_group_killed(chaos: Run, *sabotage: str) -> float:
    """Kill all that there is of a worker in the middle of two long tasks, start it again; the time of the kill."""
    worker = chaos.worker("-c", "2")
    held = chaos.send(2, "work", 60.0)
    chaos.send(count(full=2_000, small=200), "work", 0.005)
    until(lambda: all(chaos.starts(one) for one in held), timeout=20)
    chaos.killed()
    kill_all(worker)
    chaos.worker("-c", "2", sabotage=sabotage)
    return chaos.history().kills[0]


def test_the_whole_group_killed_is_claimable_within_ten_seconds(chaos: Run) -> None:
    killed = whole_group_killed(chaos)
    until(lambda: chaos.history().repeated() == 2 or time.time() - killed > 10, timeout=20)
    assert chaos.history().late(10, time.time()) == []
    assert chaos.history().repeated() == 2
    assert len(chaos.leased()) == 2


def test_sigterm_under_load_loses_nothing_and_repeats_nothing_that_ended(chaos: Run) -> None:
    chaos.send(count(full=20, small=8), "work", 5.0 if factor() else 0.6)
    chaos.send(count(full=1_000, small=100), "work", 0.01)
    for _ in range(3):
        worker = chaos.worker("-c", "2")
        done = chaos.ended()
        until(lambda done=done: chaos.ended() > done + 1, timeout=20)
        chaos.killed()  # what outlasts the grace period is interrupted, and may start again
        assert worker.stop(signal.SIGTERM, timeout=20) == 0
        assert chaos.leased() == []
    chaos.worker("-c", "4")
    chaos.settle(timeout=120)
    assert chaos.faults() == []
    assert {len(ends) for ends in chaos.history().ends.values()} == {1}


def test_a_stopped_child_is_replaced_and_settles_nothing_that_it_lost(chaos: Run) -> None:
    worker = chaos.worker("-c", "1")
    first = chaos.send(1, "work", 1.0)[0]
    until(lambda: chaos.starts(first), timeout=20)
    victim = children_of(worker)[0]
    chaos.killed()
    kill(victim, signal.SIGSTOP)
    until(lambda: chaos.starts(first) == 2, "the task to run again elsewhere", timeout=20)
    kill(victim, signal.SIGCONT)
    chaos.settle()
    assert chaos.faults() == []


def woken_after_it_was_given_up(chaos: Run, *sabotage: str) -> str:
    """A child is stopped and declared dead, its task runs elsewhere, it wakes and ends its own run of it."""
    worker = chaos.worker("-c", "1", "-n", "first", sabotage=["leave-the-stopped", *sabotage])
    only = chaos.send(1, "work", 2.0)[0]
    until(lambda: chaos.starts(only), timeout=20)
    victim = children_of(worker)[0]
    chaos.killed()
    kill(victim, signal.SIGSTOP)
    until(lambda: state(victim) == "T")
    worker.send(signal.SIGSTOP)  # its supervisor must not start another child, which could get the task
    until(lambda: state(worker.pid) == "T")
    chaos.worker("-c", "1", "-n", "second", sabotage=sabotage)
    chaos.give_up(victim)
    until(lambda: chaos.starts(only) == 2, "the task to run elsewhere", timeout=20)
    kill(victim, signal.SIGCONT)
    kill(worker.pid, signal.SIGCONT)
    until(lambda: len(chaos.history().ends.get(only, ())) == 2, "both runs to end", timeout=20)
    chaos.settle()
    until(lambda: victim not in descendants(worker.pid), "the child that was given up to end", timeout=20)
    return only


def test_a_stopped_child_that_is_given_up_and_wakes_settles_nothing(chaos: Run) -> None:
    only = woken_after_it_was_given_up(chaos)
    assert chaos.faults() == []
    assert len(chaos.history().settles[only]) == 1


def test_a_child_that_is_stopped_for_a_moment_goes_on(chaos: Run) -> None:
    worker = chaos.worker("-c", "1")
    only = chaos.send(1, "work", 0.5)[0]
    until(lambda: chaos.starts(only), timeout=20)
    victim = children_of(worker)[0]
    kill(victim, signal.SIGSTOP)
    until(lambda: state(victim) == "T")
    kill(victim, signal.SIGCONT)
    chaos.settle()
    assert chaos.faults() == []
    assert children_of(worker) == [victim]


@pytest.mark.parametrize("how", ["exit", "segfault"])
def test_a_task_that_kills_its_worker_is_set_aside_after_three_deaths(chaos: Run, how: str) -> None:
    chaos.worker("-c", "2")
    poison = chaos.tasks.harmful.delay(how)
    chaos.send(100, "work", 0.01)
    chaos.settle()
    assert chaos.starts(poison.id) == 3
    assert poison.state == "FAILURE"
    dead = chaos.tasks.app.broker.shelf().items("dead")
    assert [item.parcel.id for item in dead] == [poison.id]
    assert "3 times" in dead[0].reason
    faults = [fault for fault in chaos.faults() if poison.id not in fault]
    assert faults == []


def test_children_that_are_replaced_after_each_task_keep_working(chaos: Run) -> None:
    chaos.worker("-c", "2", "--max-tasks-per-child", "3")
    chaos.send(count(full=600, small=60), "work", 0.001)
    chaos.settle()
    assert chaos.faults() == []


def test_the_supervisor_survives_the_news_of_several_deaths_at_once(chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    for _ in range(count(full=50, small=3)):
        until(lambda: len(children_of(worker)) == 2, timeout=20)
        kill(worker.pid, signal.SIGSTOP)
        until(lambda: state(worker.pid) == "T")
        chaos.killed()
        victims = children_of(worker)
        for victim in victims:
            kill(victim)
        until_gone(victims)  # the end of their pipes and the news of their deaths are there together
        kill(worker.pid, signal.SIGCONT)
        chaos.send(5, "work")
        chaos.settle()
    assert worker.alive
    assert chaos.faults() == []
