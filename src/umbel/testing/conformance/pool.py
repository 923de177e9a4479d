"""The conformance suite of the pool contract: what every executor must do, whatever it runs attempts on.

    PoolSuite   every sentence of `umbel.pool`
    PoolStorm   interrupts at random moments, thousands of them: none may surface outside the function it was meant for

To test a pool of your own, give a `PoolLab` to both as the fixture ``lab``:

    class MyLab(PoolLab):
        is_async = False
        slots = 4

        def open(self, outcomes, size):
            return open_pool(outcomes, size)

    class TestMyPool(PoolSuite):
        @pytest.fixture
        def lab(self):
            return MyLab()
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ... import clock
from ...exceptions import Interrupted, SoftTimeLimitExceeded, Terminated
from .attempts import Gate, Outcomes, Run, be_lenient, forgive, insist, linger, raising, returning, tidy_up
from .poolscene import PoolLab, Scene
from .storm import Storm

__all__ = ["PoolLab", "PoolStorm", "PoolSuite"]


class PoolSuite:
    """Every sentence of the pool contract."""

    @pytest.fixture
    def scene(self, lab: PoolLab) -> Iterator[Scene]:
        """An opened pool."""
        scene = Scene(lab)
        yield scene
        scene.close()

    def test_gives_what_the_function_returns(self, scene: Scene) -> None:
        """The outcome of the attempt is put as it is."""
        outcome = scene.run(returning(42))
        assert (outcome.value, outcome.raised) == (42, None)

    @pytest.mark.parametrize("error", [ValueError("own"), SoftTimeLimitExceeded(1), SystemExit(3), KeyboardInterrupt()])
    def test_gives_what_the_function_raises(self, scene: Scene, error: BaseException) -> None:
        """Whatever a function raises comes out of the guard, and the pool lives."""
        assert scene.run(raising(error)).raised is error
        assert scene.run(returning("next")).value == "next"

    def test_each_attempt_has_one_outcome(self, scene: Scene) -> None:
        """Many attempts, none lost, none doubled."""
        runs = [scene.attempt(returning(number)) for number in range(200)]
        for run in runs:
            scene.submit(run)
        assert [scene.outcome(run).value for run in runs] == list(range(200))
        assert len(scene.outcomes.all) == 200

    def test_counts_its_free_slots(self, scene: Scene) -> None:
        """A running attempt takes a slot, and gives it back with its outcome."""
        size = scene.lab.slots
        assert scene.pool.free() == size
        run = scene.attempt(linger)

        def look() -> int:
            assert run.lingering.wait(scene.lab.patience)
            free = scene.pool.free()
            scene.pool.interrupt(run.tag, Terminated("enough"))
            return free

        _, while_running = scene.meanwhile(run, look)
        assert while_running == size - 1
        assert scene.eventually(lambda: scene.pool.free() == size)

    def test_runs_as_many_at_once_as_it_has_slots(self, scene: Scene) -> None:
        """Every slot is usable at the same time; a pool of one slot has one."""
        runs = [scene.attempt(linger) for _ in range(scene.lab.slots)]
        stop = scene.start(lambda: [scene.interrupt(run, Terminated("all run")) for run in runs])
        for run in runs:
            scene.submit(run)
        assert stop.result(scene.lab.patience * 2) == [True] * len(runs)
        assert {type(scene.outcome(run).raised) for run in runs} == {Terminated}

    @pytest.mark.parametrize("error", [SoftTimeLimitExceeded(0.5), Terminated("SIGTERM"), Interrupted("stop")])
    def test_interrupts_the_function(self, scene: Scene, error: BaseException) -> None:
        """The very instance is raised inside the function, and leaves the guard."""
        _, outcome = scene.interrupted(linger, error)
        assert outcome.raised is error

    def test_an_interrupted_function_may_return(self, scene: Scene) -> None:
        """A soft limit that is caught is over."""
        _, outcome = scene.interrupted(forgive, SoftTimeLimitExceeded(1))
        assert (outcome.value, outcome.raised) == ("cleaned up", None)

    def test_a_stop_passes_a_lenient_function(self, scene: Scene) -> None:
        """`Interrupted` is not an `Exception`."""
        stop = Interrupted()
        assert scene.interrupted(be_lenient, stop)[1].raised is stop
        assert scene.interrupted(be_lenient, Terminated("SIGTERM"))[1].value == "swallowed"

    def test_nested_finally_blocks_run(self, scene: Scene) -> None:
        """An injected error unwinds as any other."""
        error = Terminated("SIGTERM")
        run, outcome = scene.interrupted(tidy_up, error)
        assert outcome.raised is error
        assert run.trace == ["inner 499500", "outer"]

    def test_interrupts_again(self, scene: Scene) -> None:
        """A function that goes on after the soft limit can be interrupted once more."""
        stop = Interrupted()
        run, outcome = scene.interrupted(insist, SoftTimeLimitExceeded(1), stop)
        assert run.trace == ["went on"]
        assert outcome.raised is stop

    def test_interrupts_nobody_else(self, scene: Scene) -> None:
        """An unknown tag, one that has ended, and the tag of a neighbour."""
        first = scene.attempt(returning(1))
        scene.submit(first)
        scene.outcome(first)
        run = scene.attempt(forgive)

        def interrupt() -> list[bool]:
            assert run.lingering.wait(scene.lab.patience)
            return [scene.pool.interrupt(tag, SoftTimeLimitExceeded(tag)) for tag in (first.tag, 987_654, run.tag)]

        outcome, hit = scene.meanwhile(run, interrupt)
        assert hit == [False, False, True]
        assert outcome.value == "cleaned up"

    def test_does_not_interrupt_the_runner(self, scene: Scene) -> None:
        """The attempt's own code before and after the function is out of reach."""
        run = scene.attempt(returning("kept"))
        run.before, run.after = gates = Gate(), Gate()

        def interrupt() -> list[bool]:
            hit = []
            for gate in gates:
                assert gate.reached.wait(scene.lab.patience)
                hit += [scene.pool.interrupt(run.tag, Interrupted()) for _ in range(20)]
                gate.passed.set()
            return hit

        outcome, hit = scene.meanwhile(run, interrupt)
        assert not any(hit)
        assert outcome.value == "kept"

    def test_the_next_attempt_is_not_met(self, scene: Scene) -> None:
        """Not even one under the same tag: it may be the same message, claimed again."""
        for _ in range(20):
            run, _ = scene.interrupted(linger, Terminated("first"))
            again = Run(run.tag, returning("clean"), scene.lab.is_async, scene.lab.patience)
            scene.submit(again)
            assert scene.all_outcomes(again)[1].value == "clean"

    def test_nothing_is_given_up_that_does_not_run(self, scene: Scene) -> None:
        """`abandon` of an ended or unknown attempt says no and takes no slot."""
        run = scene.attempt(returning(1))
        scene.submit(run)
        scene.outcome(run)
        assert not scene.pool.abandon(run.tag)
        assert not scene.pool.abandon(987_654)
        assert scene.eventually(lambda: scene.pool.free() == scene.lab.slots)

    def test_a_turning_pool_is_not_stalled(self, scene: Scene) -> None:
        """Neither at rest nor while an attempt waits for something."""
        assert scene.pool.stalled(clock.monotonic()) == 0.0
        run = scene.attempt(linger)

        def look() -> float:
            assert run.lingering.wait(scene.lab.patience)
            stalled = scene.pool.stalled(clock.monotonic())
            scene.pool.interrupt(run.tag, Terminated("seen"))
            return stalled

        assert scene.meanwhile(run, look)[1] == 0.0

    def test_close_interrupts_what_runs(self, scene: Scene) -> None:
        """After the time-out; the outcome is put, and there is no slot any more."""
        if scene.lab.concurrent:
            run = scene.attempt(linger)
            scene.submit(run)
            assert run.lingering.wait(scene.lab.patience)
            scene.pool.close(0.0)
            assert isinstance(scene.outcome(run).raised, Interrupted)
        scene.pool.close(0.0)
        assert scene.pool.free() == 0

    def test_close_waits_for_what_runs(self, scene: Scene) -> None:
        """An attempt that ends within the time-out is not interrupted."""
        gate = Gate()

        async def end_in_time(run: Run) -> str:
            await run.through(gate)
            return "in time"

        run = scene.attempt(end_in_time)
        if not scene.lab.concurrent:
            gate.passed.set()
        scene.submit(run)

        def pass_when_closing() -> None:
            scene.eventually(lambda: scene.pool.free() == 0)
            gate.passed.set()

        closing = scene.start(pass_when_closing)
        scene.pool.close(scene.lab.patience)
        closing.result(scene.lab.patience)
        assert scene.outcome(run).value == "in time"


class PoolStorm:
    """Interrupts at random moments."""

    def test_no_interrupt_leaves_its_function(self, lab: PoolLab) -> None:
        """Tiny functions, so that the boundary is hit all the time: each has one outcome, and nobody else's error."""
        outcomes = Outcomes()
        storm = Storm(lab.open(outcomes, lab.slots), outcomes, lab.is_async)
        try:
            storm.rage(lab.runs)
        finally:
            storm.pool.close(lab.patience)
            lab.close()
        assert storm.leaks == []
        assert storm.doubled() == [] == storm.missing(lab.runs)
        assert storm.strange() == []
        assert storm.hits > lab.runs // 100, "too few interrupts met a function for the run to mean anything"
