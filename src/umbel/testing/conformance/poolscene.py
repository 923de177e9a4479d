"""The scene of one check of a pool: the opened pool, its outcomes, another thread, and short words for all of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ... import clock
from ...pool import Attempt, OutcomeQueue, Pool
from .attempts import Ended, Outcomes, Run, Script

Found = TypeVar("Found")


class PoolLab:
    """What a pool gives to its suites.

    Attributes:
        is_async: the kind of attempts that it runs.
        slots: a size with which several run at once; 1 for a pool that has one slot only.
        concurrent: False when `submit` returns after the attempt.
        patience: seconds that a check waits for something that should happen at once.
        runs: attempts in the storm.
    """

    is_async = False
    slots = 4
    concurrent = True
    patience = 10.0
    runs = 2_000

    def open(self, outcomes: OutcomeQueue, size: int) -> Pool:
        """Open the pool."""
        raise TypeError(f"{type(self).__name__} says which pool is tested: define open() in it")

    def close(self) -> None:
        """Undo what opening did to the process."""


class Scene:
    """One opened pool and its outcomes."""

    def __init__(self, lab: PoolLab) -> None:
        self.lab = lab
        self.outcomes = Outcomes()
        self.pool = lab.open(self.outcomes, lab.slots)
        self._last = 0
        self._submitted = 0
        self._hand = ThreadPoolExecutor(1)

    def attempt(self, script: Script) -> Run:
        """Another attempt, with a tag of its own."""
        self._last += 1
        return Run(self._last, script, self.lab.is_async, self.lab.patience)

    def submit(self, run: Attempt) -> None:
        """Submit, when there is a free slot."""
        assert self.eventually(lambda: self.pool.free() > 0), "no slot became free"
        self._submitted += 1
        self.pool.submit(run)

    def outcome(self, run: Attempt) -> Ended:
        """The one outcome under the tag of an attempt."""
        (outcome,) = self.all_outcomes(run)
        return outcome

    def all_outcomes(self, run: Attempt) -> list[Ended]:
        """The outcomes under the tag of an attempt, when all that were submitted have theirs."""
        assert self.outcomes.wait(self._submitted, self.lab.patience * 2), "an attempt has no outcome"
        return self.outcomes.of(run.tag)

    def run(self, script: Script) -> Ended:
        """Run a script to its outcome."""
        run = self.attempt(script)
        self.submit(run)
        return self.outcome(run)

    def start(self, action: Callable[[], Found]) -> Future[Found]:
        """Let another thread of the process act."""
        return self._hand.submit(action)

    def meanwhile(self, run: Attempt, action: Callable[[], Found]) -> tuple[Ended, Found]:
        """Run an attempt to its outcome while another thread of the process acts."""
        acting = self.start(action)
        self.submit(run)
        found = acting.result(self.lab.patience * 2)
        return self.outcome(run), found

    def interrupted(self, script: Script, *errors: BaseException) -> tuple[Run, Ended]:
        """Run a script and interrupt it each time it lingers."""
        run = self.attempt(script)

        def interrupt() -> list[bool]:
            return [self.interrupt(run, error) for error in errors]

        outcome, hit = self.meanwhile(run, interrupt)
        assert hit == [True] * len(errors), "interrupt() said that nothing runs under the tag"
        return run, outcome

    def interrupt(self, run: Run, error: BaseException) -> bool:
        """Interrupt a run when it lingers; what the pool says to that."""
        assert run.lingering.wait(self.lab.patience), "the script was not called, or did not go on"
        run.lingering.clear()
        return self.pool.interrupt(run.tag, error)

    def eventually(self, condition: Callable[[], bool]) -> bool:
        """Whether something becomes true in time."""
        deadline = clock.monotonic() + self.lab.patience
        pause = threading.Event()
        while not condition():
            if clock.monotonic() > deadline:
                return False
            pause.wait(0.001)
        return True

    def close(self) -> None:
        self.pool.close(self.lab.patience)
        self._hand.shutdown()
        self.lab.close()
