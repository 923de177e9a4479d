"""A task that is over leaves nothing behind that only the garbage collector could free."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from tests.pools.labs import Call
from tests.support.until import until
from umbel.exceptions import Terminated


class Data:
    """Something big that a task holds."""


held: list[weakref.ref] = []
inside = threading.Event()


def keep():
    data = Data()
    held[:] = [weakref.ref(data)]
    return data


def returns():
    return len({keep()})


def fails():
    data = keep()
    raise ValueError(repr(data))


def spins():
    data = keep()
    inside.set()
    while True:
        str(data)


async def areturns():
    return len({keep()})


async def afails():
    data = keep()
    await asyncio.sleep(0)
    raise ValueError(repr(data))


async def awaits():
    data = keep()
    inside.set()
    await asyncio.sleep(60)
    return data


@pytest.fixture(params=["inline", "threads", "loop"])
def scene(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def no_collector():
    inside.clear()
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("functions", [(returns, areturns), (fails, afails)], ids=["returns", "fails"])
def test_a_task_that_ended_is_freed(scene, functions):
    scene.submit(Call(1, functions[scene.lab.is_async], scene.lab.is_async))
    assert scene.outcomes.wait(1, 10)
    scene.outcomes.all.clear()
    assert until(lambda: held[0]() is None)


def test_a_task_that_was_interrupted_is_freed(scene):
    def interrupt():
        assert inside.wait(10)
        until(lambda: scene.pool.interrupt(1, Terminated("over")))

    scene.start(interrupt)
    scene.submit(Call(1, awaits if scene.lab.is_async else spins, scene.lab.is_async))
    assert scene.outcomes.wait(1, 10)
    scene.outcomes.all.clear()
    assert until(lambda: held[0]() is None)
