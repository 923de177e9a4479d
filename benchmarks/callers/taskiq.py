from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterable, Sequence
from typing import Any

import redis

from benchmarks.apps.taskiq_app import broker, results, tasks
from benchmarks.work import NOTE

TOGETHER = 100
"""Calls that are under way at once: each takes a connection."""


class Caller:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(broker.startup())
        self.reader = redis.Redis.from_url(os.environ["BENCH_REDIS"])

    def one(self, kind: str, number: int) -> str:
        return self.loop.run_until_complete(tasks[kind].kiq(number, NOTE)).task_id

    def many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        return self.loop.run_until_complete(self._many(kind, iter(numbers)))

    async def _many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        call, ids = tasks[kind].kiq, []
        while batch := list(itertools.islice(numbers, TOGETHER)):
            ids += [task.task_id for task in await asyncio.gather(*(call(number, NOTE) for number in batch))]
        return ids

    def later(self, kind: str, numbers: Iterable[int], seconds: float) -> list[str]:
        raise LookupError("TaskIQ delays by a scheduler of its own")

    def results(self, ids: Sequence[str]) -> dict[str, Any]:
        documents = self.reader.mget(list(ids))
        found = {}
        for task_id, raw in zip(ids, documents, strict=True):
            if raw is not None:
                document = results.serializer.loadb(raw)
                found[task_id] = str(document["error"]) if document["is_err"] else document["return_value"]
        return found
