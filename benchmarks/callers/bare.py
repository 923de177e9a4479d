from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from benchmarks import bare
from benchmarks.work import NOTE

FETCH = "SELECT id, document FROM result WHERE id IN (SELECT value FROM json_each(?))"


class Caller:
    def __init__(self) -> None:
        self.connection = bare.connect(f"{os.environ['BENCH_FOLDER']}/bare.db")
        self.origin = f"gen{os.getpid()}@{socket.gethostname()}"

    def one(self, kind: str, number: int) -> str:
        task_id, head, body = bare.message(f"benchmarks.work.{kind}", (number, NOTE), self.origin)
        self.connection.execute(bare.SEND, (head, body))
        return task_id

    def many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        name, ids = f"benchmarks.work.{kind}", []
        for batch in _batched(numbers):
            messages = [bare.message(name, (number, NOTE), self.origin) for number in batch]
            with self.connection:
                self.connection.executemany(bare.SEND, [message[1:] for message in messages])
            ids += [message[0] for message in messages]
        return ids

    def later(self, kind: str, numbers: Iterable[int], seconds: float) -> list[str]:
        raise LookupError("the bare loop delays nothing")

    def results(self, ids: Sequence[str]) -> dict[str, Any]:
        rows = self.connection.execute(FETCH, (msgspec.json.encode(ids).decode(),))
        return {task_id: msgspec.json.decode(document)["result"] for task_id, document in rows}


def _batched(numbers: Iterable[int]) -> Iterable[list[int]]:
    rest = iter(numbers)
    while batch := list(itertools.islice(rest, bare.BATCH)):
        yield batch
