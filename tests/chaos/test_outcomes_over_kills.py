"""Retries, follow-ups, early acknowledgement, results in another file, and a thousand held tasks: over kills too."""

from __future__ import annotations

import time

import pytest

from tests.chaos.conftest import Run, kill_all, kill_children
from tests.support.history import append
from tests.support.scale import count, limit
from tests.support.until import until
from umbel.ids import derived_id

pytestmark = [pytest.mark.chaos, limit(120)]

SAME = ("sqlite:///queue.db", None)
APART = ("sqlite:///queue.db", "sqlite:///results.db")
stores = pytest.mark.parametrize("chaos", [SAME, APART], ids=["same-file", "two-files"], indirect=True)


@stores
def test_retries_over_kills(chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    sent = chaos.send(count(full=2_000, small=80), "flaky", 2, 0.01)
    assert kill_children(chaos, worker, count(full=30, small=3))
    chaos.settle()
    assert chaos.faults() == []
    history = chaos.history()
    assert all(history.starts[f"{one}#{attempt}"] for one in sent for attempt in range(3))
    assert set(chaos.states(sent)) == {"SUCCESS"}


@stores
def test_follow_ups_over_kills(chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    sent = chaos.send(count(full=2_000, small=100), "work", 0.01, link=chaos.tasks.after.s())
    for one in sent:
        append(chaos.path, "enqueued", derived_id(one, 0))
    assert kill_children(chaos, worker, count(full=30, small=3))
    chaos.settle()
    assert chaos.faults() == []


@stores
def test_early_acknowledgement_over_kills_repeats_nothing_and_hides_nothing(chaos: Run) -> None:
    worker = chaos.worker("-c", "2")
    sent = chaos.send(count(full=1_000, small=60), "early", 0.02)
    assert kill_children(chaos, worker, count(full=20, small=3))
    kill_all(worker)
    chaos.worker("-c", "2")
    chaos.settle()
    history = chaos.history()
    assert history.repeated() == 0
    states = dict(zip(sent, chaos.states(sent), strict=True))
    assert set(states.values()) <= {"SUCCESS", "FAILURE"}
    lost = [one for one, state in states.items() if state == "FAILURE"]
    assert lost
    assert all(history.ends.get(one) for one in sent if one not in lost)
    assert "WorkerLostError" in repr(chaos.tasks.app.AsyncResult(lost[0]).result)


@stores
def test_the_whole_worker_killed_over_and_over_while_tasks_drain(chaos: Run) -> None:
    sent = chaos.send(count(full=10_000, small=300), "work", 0.002)
    for _ in range(count(full=10, small=2)):
        worker = chaos.worker("-c", "2")
        done = chaos.ended()
        until(lambda done=done: chaos.ended() > done + 20, timeout=20)
        chaos.killed()
        kill_all(worker)
    chaos.worker("-c", "2")
    chaos.settle()
    assert chaos.faults() == []
    assert set(chaos.states(sent)) == {"SUCCESS"}


def test_a_thousand_held_tasks_are_claimable_within_ten_seconds_of_a_kill(chaos: Run) -> None:
    many = 1_000
    worker = chaos.worker("-P", "asyncio", "-c", str(many))
    chaos.send(many, "doze", 600.0)
    until(lambda: len(chaos.leased()) == many, lambda: f"{len(chaos.leased())} held", timeout=30)
    until(lambda: len(chaos.history().starts) == many, timeout=30)
    chaos.worker("-P", "solo", "-Q", "elsewhere")  # another one is alive, and looks after the dead
    begin = time.monotonic()
    kill_all(worker)
    until(lambda: chaos.ready("celery") == many, lambda: f"{chaos.left()}", timeout=10)
    assert time.monotonic() - begin < 10
