"""umbel with shipped defaults: only the store is named, a server if the run has one, else a file."""

from __future__ import annotations

import asyncio
import os

from benchmarks import work
from umbel import Umbel

redis = os.environ.get("BENCH_REDIS")
if redis is not None:
    app = Umbel("bench", broker=os.environ.get("BENCH_RABBITMQ", redis), backend=redis)
else:
    app = Umbel("bench", broker=f"sqlite:///{os.environ['BENCH_FOLDER']}/umbel.db")


async def hold(number: int, note: str) -> int:
    """The waiting function as a coroutine: one child holds 500 of them."""
    await asyncio.sleep(work.begin_hold(number))
    return number


tasks = {function.__name__: app.task(function) for function in (*work.FUNCTIONS[:-1], hold)}
