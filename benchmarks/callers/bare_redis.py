from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from benchmarks import bare_redis
from benchmarks.bare import BATCH
from benchmarks.work import NOTE


class Caller:
    def __init__(self) -> None:
        self.connection = bare_redis.Connection()
        self.origin = f"gen{os.getpid()}@{socket.gethostname()}"

    def one(self, kind: str, number: int) -> str:
        task_id, message = bare_redis.envelope(f"benchmarks.work.{kind}", (number, NOTE), self.origin)
        self.connection.send(message)
        return task_id

    def many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        name, ids, rest = f"benchmarks.work.{kind}", [], iter(numbers)
        while batch := list(itertools.islice(rest, BATCH)):
            made = [bare_redis.envelope(name, (number, NOTE), self.origin) for number in batch]
            self.connection.send(*[message for _, message in made])
            ids += [task_id for task_id, _ in made]
        return ids

    def later(self, kind: str, numbers: Iterable[int], seconds: float) -> list[str]:
        raise LookupError("the bare loop delays nothing")

    def results(self, ids: Sequence[str]) -> dict[str, Any]:
        found = self.connection.call(("MGET", *[bare_redis.RESULT + task_id for task_id in ids])) if ids else []
        return {
            task_id: msgspec.json.decode(document)["result"]
            for task_id, document in zip(ids, found, strict=True)
            if document is not None
        }
