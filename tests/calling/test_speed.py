"""What a call costs in Python, before the store: CPU time of this thread, the best of many rounds.

The limits are those of a machine of the usual speed.
"""

from __future__ import annotations

import time
import timeit

import pytest

from tests.support.speed import slowness
from umbel import Umbel

pytestmark = [pytest.mark.alone, pytest.mark.timeout(120)]


class Nowhere:
    """A publisher without a store, so that only the way to it is measured."""

    def publish(self, parcels, *, deadline, limits):
        pass

    def close(self):
        pass


@pytest.fixture
def add(app: Umbel):
    @app.task(name="proj.add")
    def add(x: int, y: int) -> int:
        return x + y

    app._stores._mine().publisher = Nowhere()
    add.delay(1, 2)
    return add


def microseconds(call, messages: int) -> float:
    rounds = timeit.repeat(call, number=1, repeat=40, timer=time.thread_time)
    return min(rounds) / messages * 1e6


def test_one_by_one(add):
    def calls():
        for _ in range(500):
            add.delay(2, 3)

    assert microseconds(calls, 500) <= 14 * slowness()


def test_in_bulk(add):
    pairs = [(2, 3)] * 1000
    assert microseconds(lambda: add.delay_many(pairs), 1000) <= 8 * slowness()


def test_with_options(add):
    def calls():
        for _ in range(200):
            add.apply_async((2, 3), countdown=10, queue="slow")

    assert microseconds(calls, 200) <= 60 * slowness()


def test_importing_umbel(processes):
    code = (
        "import sys, time\nstart = time.process_time()\nimport umbel\nfirst = time.process_time()\numbel.Umbel\n"
        "print(first - start, time.process_time() - first)"
    )

    def fast() -> bool:
        slow = slowness()  # at about the same moment: shared machines change their speed within seconds
        package, app = map(float, processes.run("-c", code).stdout.split())
        return package < 0.06 * slow and app < 0.25 * slow

    assert any(fast() for _ in range(20))
