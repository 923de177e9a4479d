"""Row 32: coroutines run natively beside functions, and awaiting calls and results never blocks the caller's loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.until import until


def test_many_sleeping_coroutines_run_side_by_side(pains: Any, start: Callable[..., Any]) -> None:
    start("-P", "asyncio", "-c", "1000")
    assert pains.doze.delay(0).get(timeout=20) == "dozed"
    begin = time.monotonic()
    results = list(pains.doze.delay_many([(1,)] * 1000))
    assert {result.get(timeout=30) for result in results} == {"dozed"}
    assert time.monotonic() - begin < 8  # 3 s on an idle machine; the suite shares its cores


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio"])
def test_coroutines_go_on_beside_a_function_that_blocks(pains: Any, start: Callable[..., Any], pool: str) -> None:
    start("-P", pool, "-c", "2")
    blocked = pains.block.delay(20)
    until(lambda: any(item.parcel.id == blocked.id for item in pains.shelf().items("leased")))
    results = [pains.doze.delay(0.2) for _ in range(20)]
    assert {result.get(timeout=10) for result in results} == {"dozed"}
    assert not blocked.ready()


def test_a_server_awaiting_results_keeps_its_loop_free(pains: Any, start: Callable[..., Any]) -> None:
    start("-P", "asyncio", "-c", "300")

    async def scenario() -> tuple[list[str], float]:
        lags = []
        done = asyncio.Event()

        async def watch() -> None:
            while not done.is_set():
                begin = time.monotonic()
                await asyncio.sleep(0.01)
                lags.append(time.monotonic() - begin - 0.01)

        async def call() -> str:
            return str(await (await pains.doze.adelay(0.3)))

        watcher = asyncio.create_task(watch())
        values = await asyncio.gather(*(call() for _ in range(200)))
        done.set()
        await watcher
        return values, sorted(lags)[int(len(lags) * 0.9)]

    values, lag = asyncio.run(scenario())
    assert values == ["dozed"] * 200
    assert lag < 0.25  # 50 ms on an idle machine
