from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.apps.huey_app import huey, tasks
from benchmarks.work import NOTE


class Caller:
    def one(self, kind: str, number: int) -> str:
        return tasks[kind](number, NOTE).id

    def many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        call = tasks[kind]
        return [call(number, NOTE).id for number in numbers]

    def later(self, kind: str, numbers: Iterable[int], seconds: float) -> list[str]:
        task = tasks[kind]
        return [task.schedule((number, NOTE), delay=seconds).id for number in numbers]

    def results(self, ids: Sequence[str]) -> dict[str, Any]:
        values = huey.storage.peek_many(list(ids))
        return {task_id: huey.serializer.deserialize(bytes(value)) for task_id, value in values.items()}
