"""The three pools, as their conformance suite wants them."""

from __future__ import annotations

import os
import signal

from umbel.adapters import asyncio as asyncio_room
from umbel.adapters import inline as inline_room
from umbel.adapters import thread as thread_room
from umbel.testing.conformance.attempts import ended
from umbel.testing.conformance.poolscene import PoolLab

RUNS = int(10_000 * float(os.environ.get("UMBEL_CHAOS_FACTOR", "0.2")))


class InlineLab(PoolLab):
    slots = 1
    concurrent = False
    runs = RUNS

    def __init__(self):
        self._handler = signal.getsignal(signal.SIGUSR1)

    def open(self, outcomes, size):
        return inline_room.open_pool(outcomes, size)

    def close(self):
        signal.signal(signal.SIGUSR1, self._handler)


class ThreadLab(PoolLab):
    runs = RUNS

    def open(self, outcomes, size):
        return thread_room.open_pool(outcomes, size)


class AsyncioLab(PoolLab):
    is_async = True
    slots = 50
    runs = RUNS

    def open(self, outcomes, size):
        return asyncio_room.open_pool(outcomes, size)


class Call:
    """An attempt that calls one function with no arguments, as plainly as can be."""

    def __init__(self, tag, function, is_async=False):
        self.tag = tag
        self.function = function
        self.is_async = is_async

    def run(self, guard):
        try:
            return ended(self.tag, guard.call(self.function, (), {}), None)
        except BaseException as error:
            return ended(self.tag, None, error)

    async def arun(self, guard):
        try:
            return ended(self.tag, await guard.acall(self.function, (), {}), None)
        except BaseException as error:
            return ended(self.tag, None, error)
