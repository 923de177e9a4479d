"""umbel on SQLite with shipped defaults: only the file is named."""

from __future__ import annotations

import asyncio
import os

from benchmarks import work
from umbel import Umbel

app = Umbel("bench", broker=f"sqlite:///{os.environ['BENCH_FOLDER']}/umbel.db")


async def hold(number: int, note: str) -> int:
    """The waiting function as a coroutine: one child holds 500 of them."""
    await asyncio.sleep(work.begin_hold(number))
    return number


tasks = {function.__name__: app.task(function) for function in (*work.FUNCTIONS[:-1], hold)}
