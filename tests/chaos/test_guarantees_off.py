"""Every scenario is seen failing with its guarantee turned off: otherwise the checker's silence would show nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from tests.chaos.conftest import Run, children_of, kill, kill_all
from tests.chaos.sabotaged import moved
from tests.chaos.test_kills import whole_group_killed, woken_after_it_was_given_up
from tests.support.scale import limit
from tests.support.until import until

pytestmark = [pytest.mark.chaos, limit(90)]


def faults_with(chaos: Run, word: str) -> list[str]:
    return [fault for fault in chaos.faults() if word in fault]


def test_without_rescue_the_work_of_the_dead_is_stuck(chaos: Run) -> None:
    worker = chaos.worker("-c", "1", sabotage=["no-rescue"])
    only = chaos.send(1, "work", 30.0)[0]
    until(lambda: chaos.starts(only), timeout=20)
    chaos.killed()
    kill_all(worker)
    chaos.worker("-c", "1", sabotage=["no-rescue"])
    marker = chaos.send(1, "work")[0]
    until(lambda: chaos.starts(marker), timeout=20)
    assert faults_with(chaos, f"{only} was enqueued and never ended")
    assert faults_with(chaos, "still in the store")


def test_with_an_early_acknowledgement_a_kill_loses_tasks(chaos: Run) -> None:
    worker = chaos.worker("-c", "1", sabotage=["acknowledge-first"])
    lost = chaos.send(1, "work", 30.0)[0]
    until(lambda: chaos.starts(lost), timeout=20)
    chaos.killed()
    kill(chaos.rng.choice(children_of(worker)))
    chaos.send(5, "work")
    chaos.settle()
    assert faults_with(chaos, f"{lost} was enqueued and never ended")


def test_leases_by_the_wall_clock_repeat_work_when_it_jumps(chaos: Run) -> None:
    offset = chaos.project.folder / "offset.txt"
    offset.write_text("0")
    chaos.worker("-c", "2", sabotage=[f"clock={offset}", "leases-by-clock"])
    long = chaos.send(1, "work", 4.0)[0]
    until(lambda: chaos.starts(long), timeout=20)
    offset.write_text("3600")
    assert moved(str(offset))() > time.time() + 3500
    until(lambda: chaos.starts(long) > 1, timeout=20)
    assert faults_with(chaos, f"{long} ran twice")


def test_outcomes_that_are_not_kept_are_lost_when_the_store_fails(chaos: Run) -> None:
    chaos.worker("-c", "1", sabotage=["forget-failures"])
    only = chaos.send(1, "work", 0.5)[0]
    until(lambda: chaos.starts(only), timeout=20)
    with chaos.locked():
        until(lambda: chaos.ended() == 1, timeout=20)
        until(lambda: chaos.waited(7), timeout=20)
    assert faults_with(chaos, f"{only} has no result")


def test_without_a_count_of_crashes_a_poison_task_kills_on(chaos: Run) -> None:
    chaos.worker("-c", "1", sabotage=["count-no-crash"])
    poison = chaos.tasks.harmful.delay("exit")
    assert until(lambda: chaos.starts(poison.id) > 4, timeout=30)


def test_a_stopped_child_that_nobody_kills_holds_its_work(chaos: Run) -> None:
    worker = chaos.worker("-c", "1", sabotage=["leave-the-stopped"])
    only = chaos.send(1, "work", 1.0)[0]
    until(lambda: chaos.starts(only), timeout=20)
    kill(children_of(worker)[0], signal.SIGSTOP)
    until(lambda: chaos.waited(7), timeout=20)
    assert chaos.starts(only) == 1
    assert faults_with(chaos, f"{only} was enqueued and never ended")


def test_without_a_fence_a_child_that_wakes_settles_what_it_lost(chaos: Run) -> None:
    only = woken_after_it_was_given_up(chaos, "no-fence")
    assert faults_with(chaos, f"{only} was settled by process")


def test_delayed_work_runs_too_early_when_a_clock_set_back_is_not_seen(
    chaos: Run, set_clock: Callable[[int], None]
) -> None:
    chaos.worker("-c", "1", sabotage=["clock=offset.txt", "due-by-own-clock"])
    set_clock(-3600)
    later = chaos.send(1, "work", countdown=1800)[0]
    until(lambda: chaos.starts(later), timeout=20)
    assert faults_with(chaos, f"{later} started")
    assert faults_with(chaos, "before it was due")


def test_delayed_work_is_stuck_when_a_clock_set_forward_is_not_seen(
    chaos: Run, set_clock: Callable[[int], None]
) -> None:
    chaos.worker("-c", "1", sabotage=["clock=offset.txt", "due-by-own-clock"])
    later = chaos.send(1, "work", countdown=1800)[0]
    set_clock(3600)
    until(lambda: chaos.waited(7), timeout=20)
    assert faults_with(chaos, f"{later} was enqueued and never ended")


def test_work_of_a_killed_group_that_is_rescued_late_breaks_the_bound(chaos: Run) -> None:
    killed = whole_group_killed(chaos, "rescue-late")
    until(lambda: time.time() - killed > 10.5, timeout=20)
    late = chaos.history().late(10, time.time())
    assert len(late) == 2
    assert "was lost by a kill and not taken up within 10 s" in late[0]
