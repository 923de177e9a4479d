"""A storm of interrupts over attempts that are as short as attempts can be."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

from ...exceptions import Interrupted, SoftTimeLimitExceeded, Terminated
from ...outcome import Outcome
from ...pool import AsyncGuard, Guard, Pool
from .attempts import Ended, Outcomes, ended

ERRORS = (SoftTimeLimitExceeded, Terminated, Interrupted)
SWITCH = 1e-5
"""Seconds between two changes of the running thread: the interrupters are to come in at any instruction."""
PAUSE = 5e-5
"""Seconds, at most, between two interrupts of one thread; about as long as a function takes."""


class Storm:
    """Attempts without end, and threads that interrupt them without aim.

    Attributes:
        leaks: (tag, error) that surfaced in the runner's own code.
        live: attempts that have begun and not ended.
        hits: how many functions were ended or changed by an interrupt.
    """

    def __init__(self, pool: Pool, outcomes: Outcomes, is_async: bool) -> None:
        self.pool = pool
        self.outcomes = outcomes
        self.is_async = is_async
        self.leaks: list[tuple[int, str]] = []
        self.live: dict[int, Victim] = {}
        self._over = threading.Event()

    def rage(self, runs: int) -> None:
        """Run so many attempts."""
        interval, hook = sys.getswitchinterval(), sys.unraisablehook
        sys.setswitchinterval(SWITCH)
        sys.unraisablehook = id  # what finalizers swallow is no news here; Python code would be interrupted as well
        threads = [threading.Thread(target=self._interrupt, args=(seed,), daemon=True) for seed in range(2)]
        for thread in threads:
            thread.start()
        try:
            self._submit(runs)
            self.outcomes.wait(runs, 30)
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
            sys.setswitchinterval(interval)
            sys.unraisablehook = hook

    def _submit(self, runs: int) -> None:
        for tag in range(1, runs + 1):
            while self.pool.free() <= 0:
                self.outcomes.wait(len(self.outcomes.all) + 1, 0.01)
            self.pool.submit(Victim(self, tag))

    def _interrupt(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._over.is_set():
            tag = chance.choice(list(self.live) or [0])
            self.pool.interrupt(tag, chance.choice(ERRORS)(tag))
            time.sleep(chance.random() * PAUSE)

    @property
    def hits(self) -> int:
        return sum(type(end.raised) in ERRORS or end.value == "caught" for end in self._ends())

    def doubled(self) -> list[int]:
        """Tags with more than one outcome."""
        return [tag for tag, count in Counter(end.tag for end in self._ends()).items() if count > 1]

    def missing(self, runs: int) -> list[int]:
        """Tags without an outcome."""
        return sorted(set(range(1, runs + 1)) - {end.tag for end in self._ends()})

    def strange(self) -> list[tuple[int, str]]:
        """Outcomes that are neither the function's own nor an error that was meant for it."""
        return [(end.tag, repr(end.raised or end.value)) for end in self._ends() if not _expected(end)]

    def _ends(self) -> list[Ended]:
        return [outcome for outcome in self.outcomes.all if isinstance(outcome, Ended)]


class Victim:
    """One attempt; its own code around the function has many points where an interrupt could come in."""

    def __init__(self, storm: Storm, tag: int) -> None:
        self.tag = tag
        self.is_async = storm.is_async
        self._storm = storm
        self._value: Any = None
        self._raised: BaseException | None = None

    def run(self, guard: Guard) -> Outcome:
        self._storm.live[self.tag] = self
        try:
            linger(self.tag % 301)
            try:
                self._value = guard.call(FUNCTIONS[self.tag % len(FUNCTIONS)], (self.tag,), {})
            except BaseException as error:
                self._raised = error
            linger(self.tag % 307)
        except BaseException as leaked:
            self._storm.leaks.append((self.tag, repr(leaked)))
        del self._storm.live[self.tag]
        return ended(self.tag, self._value, self._raised)

    async def arun(self, guard: AsyncGuard) -> Outcome:
        self._storm.live[self.tag] = self
        try:
            await asyncio.sleep(0)
            try:
                self._value = await guard.acall(COROUTINES[self.tag % len(COROUTINES)], (self.tag,), {})
            except BaseException as error:
                self._raised = error
            await asyncio.sleep(0)
        except BaseException as leaked:
            self._storm.leaks.append((self.tag, repr(leaked)))
        del self._storm.live[self.tag]
        return ended(self.tag, self._value, self._raised)


def linger(turns: int) -> int:
    """Python code that takes a moment, and at times lets another thread go on."""
    if turns % 3 == 0:
        time.sleep(0)
    return sum(abs(turn) for turn in range(turns))


def nothing(tag: int) -> Any:
    return tag


def a_little(tag: int) -> Any:
    linger(tag % 499)
    return tag


def own_error(tag: int) -> Any:
    linger(tag % 97)
    raise LookupError(tag)


def catching(tag: int) -> Any:
    try:
        linger(tag % 997)
    except SoftTimeLimitExceeded:
        return "caught"
    return tag


class Dying:
    """Has a finalizer: Python swallows what is raised there."""

    def __init__(self, tag: int) -> None:
        self.tag = tag

    def __del__(self) -> None:
        linger(self.tag % 211)


def finalizing(tag: int) -> Any:
    Dying(tag)
    return tag


async def anothing(tag: int) -> Any:
    return tag


async def a_turn(tag: int) -> Any:
    for _ in range(tag % 4):
        await asyncio.sleep(0)
    return tag


async def aown_error(tag: int) -> Any:
    await asyncio.sleep(0)
    raise LookupError(tag)


async def acatching(tag: int) -> Any:
    try:
        await asyncio.sleep(0.0005 * (tag % 3))
    except SoftTimeLimitExceeded:
        return "caught"
    return tag


async def atimed(tag: int) -> Any:
    try:
        async with asyncio.timeout(0.0005):
            await asyncio.sleep(1)
    except TimeoutError:
        return tag


FUNCTIONS = (nothing, a_little, own_error, catching, finalizing)
COROUTINES = (anothing, a_turn, aown_error, acatching, atimed)


def _expected(end: Ended) -> bool:
    if end.raised is None:
        return end.value in (end.tag, "caught")
    return type(end.raised) in (*ERRORS, LookupError) and end.raised.args == (end.tag,)
