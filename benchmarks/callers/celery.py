from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.apps.celery_app import app, tasks
from benchmarks.work import NOTE


class Caller:
    def one(self, kind: str, number: int) -> str:
        return tasks[kind].delay(number, NOTE).id

    def many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        call = tasks[kind].delay
        return [call(number, NOTE).id for number in numbers]

    def later(self, kind: str, numbers: Iterable[int], seconds: float) -> list[str]:
        call = tasks[kind].apply_async
        return [call((number, NOTE), countdown=seconds).id for number in numbers]

    def results(self, ids: Sequence[str]) -> dict[str, Any]:
        backend = app.backend
        documents = backend.client.mget([backend.get_key_for_task(task_id) for task_id in ids])
        found = {}
        for task_id, raw in zip(ids, documents, strict=True):
            document = json.loads(raw) if raw is not None else {}
            if document.get("status") in ("SUCCESS", "FAILURE", "REVOKED"):
                found[task_id] = document["result"]
        return found
