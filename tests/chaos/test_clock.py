"""The wall clock is set back and forward by an hour, for the worker and for its clients: no work is lost, none is taken
from a living owner, and none runs twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.conftest import Run
from tests.support.scale import count, limit
from tests.support.until import until

pytestmark = [pytest.mark.chaos, limit(90)]

HOUR = 3600


CLOCK = ["clock=offset.txt"]


@pytest.mark.parametrize("jumps", [(-HOUR, 0), (HOUR, 0), (HOUR, -HOUR)], ids=["back", "forward", "both"])
def test_the_clock_jumps_while_tasks_drain(
    chaos: Run, set_clock: Callable[[int], None], jumps: tuple[int, ...]
) -> None:
    chaos.worker("-c", "2", sabotage=CLOCK)
    long = chaos.send(1, "work", 3.0)[0]
    until(lambda: chaos.starts(long), timeout=20)
    for jump in (*jumps, 0):
        chaos.send(count(full=3_000, small=100), "work", 0.002)
        done = chaos.ended()
        until(lambda done=done: chaos.ended() > done, timeout=20)
        set_clock(jump)
        marker = chaos.send(1, "work")[0]
        until(lambda marker=marker: chaos.starts(marker), "a task that was sent after the jump", timeout=20)
    chaos.settle()
    assert chaos.history().repeated() == 0
    assert chaos.faults() == []


def test_delayed_work_follows_the_clock(chaos: Run, set_clock: Callable[[int], None]) -> None:
    chaos.worker("-c", "1", sabotage=CLOCK)
    set_clock(-HOUR)
    soon = chaos.send(5, "work", countdown=0.5)
    until(lambda: all(chaos.starts(one) for one in soon), "what is due by the clock that was set back", timeout=20)
    later = chaos.send(5, "work", countdown=HOUR / 2)
    marker = chaos.send(1, "work")[0]
    until(lambda: chaos.starts(marker), timeout=20)
    assert not any(chaos.starts(one) for one in later)
    set_clock(0)
    until(lambda: all(chaos.starts(one) for one in later), "what became due by the jump", timeout=20)
    chaos.settle()
    assert chaos.faults() == []
    assert len(chaos.history().dues) == len(soon + later)


def test_retries_go_on_after_a_jump(chaos: Run, set_clock: Callable[[int], None]) -> None:
    chaos.worker("-c", "1", sabotage=CLOCK)
    chaos.send(20, "flaky", 2)
    set_clock(-HOUR)
    chaos.send(20, "flaky", 2)
    set_clock(HOUR)
    chaos.settle()
    assert chaos.faults() == []
