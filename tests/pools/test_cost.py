"""What the pools cost: a task's time on the way through them, and a child's memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from tests.pools.labs import AsyncioLab, Call, InlineLab
from umbel.testing.conformance.attempts import Outcomes

pytestmark = pytest.mark.alone


class Plain:
    """A guard that guards nothing, and an outcome queue that is a list."""

    def __init__(self):
        self.put = [].append

    def call(self, function, args, kwargs):
        return function(*args, **kwargs)


class Bare:
    tag = 1
    is_async = False

    def run(self, guard):
        return guard.call(int, (), {})


def best(function, rounds=100):
    """Seconds of the fastest round: what the code costs when nobody disturbs it."""
    found = []
    for _ in range(rounds):
        start = time.thread_time()
        function()
        found.append(time.thread_time() - start)
    return min(found)


def test_the_inline_pool_costs_less_than_half_a_microsecond_a_task():
    lab, plain, attempt, count = InlineLab(), Plain(), Bare(), 2_000
    pool = lab.open(plain, 1)

    def through_the_pool():
        submit = pool.submit
        for _ in range(count):
            submit(attempt)

    def by_hand():
        put = plain.put
        for _ in range(count):
            put(attempt.run(plain))

    cost = (best(through_the_pool) - best(by_hand)) / count * 1e6
    lab.close()
    assert cost < 0.5, f"{cost:.2f} us a task"


async def nothing():
    pass


async def a_second():
    await asyncio.sleep(1)


def run_all(lab, function, count):
    """Seconds from the first submit to the last outcome."""
    outcomes = Outcomes()
    pool = lab.open(outcomes, count)
    attempts = [Call(tag, function, lab.is_async) for tag in range(count)]
    start = time.perf_counter()
    for attempt in attempts:
        pool.submit(attempt)
    assert outcomes.wait(count, 30)
    taken = time.perf_counter() - start
    pool.close(10)
    return taken


def test_a_thousand_sleeping_coroutines_sleep_together():
    assert run_all(AsyncioLab(), a_second, 1000) < 3


def bare_tasks(count):
    """Seconds that asyncio itself takes for as many tasks that do nothing."""

    async def main():
        start = time.perf_counter()
        await asyncio.gather(*(asyncio.create_task(nothing()) for _ in range(count)))
        return time.perf_counter() - start

    return asyncio.run(main())


def test_a_coroutine_costs_less_than_15_microseconds():
    rounds = [(run_all(AsyncioLab(), nothing, 2000), bare_tasks(2000)) for _ in range(10)]
    cost, bare = (min(column) / 2000 * 1e6 for column in zip(*rounds, strict=True))
    assert cost < max(15, 4 * bare), f"{cost:.1f} us a task; asyncio alone takes {bare:.1f}"


def test_asyncio_is_imported_by_its_own_pool_only():
    code = "import sys, umbel.adapters.inline, umbel.adapters.thread; print('asyncio' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
