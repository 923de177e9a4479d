from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from benchmarks.apps.umbel_app import app, tasks
from benchmarks.work import NOTE


class Caller:
    def one(self, kind: str, number: int) -> str:
        return tasks[kind].delay(number, NOTE).id

    def many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        return [result.id for result in tasks[kind].delay_many((number, NOTE) for number in numbers)]

    def later(self, kind: str, numbers: Iterable[int], seconds: float) -> list[str]:
        calls = (((number, NOTE), {}) for number in numbers)
        return [result.id for result in tasks[kind].apply_async_many(calls, countdown=seconds)]

    def results(self, ids: Sequence[str]) -> dict[str, Any]:
        found = {}
        for task_id, record in app.backend().fetch(ids).items():
            if record.status == "SUCCESS":
                found[task_id] = msgspec.json.decode(record.document)["result"]
            elif record.status in ("FAILURE", "REVOKED"):
                found[task_id] = f"{record.status}: {record.document!r}"
        return found
