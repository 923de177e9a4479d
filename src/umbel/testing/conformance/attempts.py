"""Attempts, scripts and outcomes with which a pool is tried.

A script is the function of a task: one coroutine function for every kind of pool. A pool for coroutines awaits it;
for a pool of functions it is stepped once, and whatever it awaits does not yield but spins.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from ... import clock
from ...exceptions import SoftTimeLimitExceeded
from ...message import Delivery
from ...outcome import Outcome
from ...pool import AsyncGuard, Guard

Script = Callable[["Run"], Coroutine[Any, Any, Any]]


class Ended(Outcome, kw_only=True):
    """What became of a run: its value, or what left the guard."""

    tag: int
    value: Any = None
    raised: BaseException | None = None


class Outcomes:
    """An outcome queue that can be waited for."""

    def __init__(self) -> None:
        self._put = threading.Condition()
        self.all: list[Outcome] = []

    def put(self, outcome: Outcome) -> None:
        with self._put:
            self.all.append(outcome)
            self._put.notify_all()

    def wait(self, count: int, patience: float) -> bool:
        """Wait until that many have come; False when they did not within ``patience`` seconds."""
        with self._put:
            return self._put.wait_for(lambda: len(self.all) >= count, patience)

    def of(self, tag: int) -> list[Ended]:
        """All outcomes of one attempt."""
        return [outcome for outcome in self.all if isinstance(outcome, Ended) and outcome.tag == tag]


class Gate:
    """A place where a run stops until the test lets it pass."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.passed = threading.Event()


class Run:
    """One attempt.

    Args:
        tag: its tag.
        script: what its function does.
        is_async: its kind.
        patience: seconds after which it stops waiting for an interrupt that does not come.

    Attributes:
        before, after: where the runner's own code around the function stops, if anywhere.
        lingering: set each time the script is where an interrupt is to meet it.
        trace: what the script noted.
    """

    def __init__(self, tag: int, script: Script, is_async: bool, patience: float) -> None:
        self.tag = tag
        self.script = script
        self.is_async = is_async
        self.patience = patience
        self.before: Gate | None = None
        self.after: Gate | None = None
        self.lingering = threading.Event()
        self.trace: list[str] = []

    def run(self, guard: Guard) -> Outcome:
        stepped(self.through(self.before))
        try:
            value, raised = guard.call(lambda run: stepped(run.script(run)), (self,), {}), None
        except BaseException as error:
            value, raised = None, error
        stepped(self.through(self.after))
        return ended(self.tag, value, raised)

    async def arun(self, guard: AsyncGuard) -> Outcome:
        await self.through(self.before)
        try:
            value, raised = await guard.acall(self.script, (self,), {}), None
        except BaseException as error:
            value, raised = None, error
        await self.through(self.after)
        return ended(self.tag, value, raised)

    async def through(self, gate: Gate | None) -> None:
        """Pass a gate, or stand before it for `patience` seconds."""
        if gate is not None:
            gate.reached.set()
            deadline = clock.monotonic() + self.patience
            while not gate.passed.is_set() and clock.monotonic() < deadline:
                await self.breathe()

    async def breathe(self) -> None:
        """Let others run, where one can."""
        if self.is_async:
            await asyncio.sleep(0)

    async def linger(self) -> str:
        """Be interrupted here; says so when nobody came."""
        deadline = clock.monotonic() + self.patience
        self.lingering.set()
        if self.is_async:
            await asyncio.sleep(self.patience)
        while clock.monotonic() < deadline:
            pass
        return "nobody came"


def ended(tag: int, value: Any, raised: BaseException | None) -> Ended:
    """The outcome of a run."""
    return Ended(Delivery(tag, 1, "suite", b"{}", b""), tag=tag, value=value, raised=raised)


def stepped(script: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never yields."""
    try:
        script.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("A script of a pool for functions yielded.")


async def linger(run: Run) -> Any:
    """Wait for an interrupt."""
    return await run.linger()


async def forgive(run: Run) -> Any:
    """Catch the soft limit and return."""
    try:
        return await run.linger()
    except SoftTimeLimitExceeded:
        return "cleaned up"


async def insist(run: Run) -> Any:
    """Catch the soft limit and go on."""
    try:
        await run.linger()
    except SoftTimeLimitExceeded:
        run.trace.append("went on")
        return await run.linger()


async def be_lenient(run: Run) -> Any:
    """Catch every `Exception`."""
    try:
        return await run.linger()
    except Exception:
        return "swallowed"


async def tidy_up(run: Run) -> Any:
    """Nested cleaning up, with code that takes a while."""
    try:
        try:
            return await run.linger()
        finally:
            run.trace.append(f"inner {sum(range(1000))}")
            await run.breathe()
    finally:
        await run.breathe()
        run.trace.append("outer")


def returning(value: Any) -> Script:
    """A script that returns a value."""

    async def script(run: Run) -> Any:
        return value

    return script


def raising(error: BaseException) -> Script:
    """A script that raises an error of its own."""

    async def script(run: Run) -> Any:
        raise error

    return script
