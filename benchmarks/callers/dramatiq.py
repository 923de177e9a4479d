from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dramatiq import Message

from benchmarks.apps.dramatiq_app import results, tasks
from benchmarks.work import NOTE


class Caller:
    """A result is found by its whole message, so messages are kept by their ids."""

    def __init__(self) -> None:
        self.sent: dict[str, Message] = {}

    def _kept(self, message: Message) -> str:
        self.sent[message.message_id] = message
        return message.message_id

    def one(self, kind: str, number: int) -> str:
        return self._kept(tasks[kind].send(number, NOTE))

    def many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        return [self.one(kind, number) for number in numbers]

    def later(self, kind: str, numbers: Iterable[int], seconds: float) -> list[str]:
        send = tasks[kind].send_with_options
        return [self._kept(send(args=(number, NOTE), delay=int(seconds * 1000))) for number in numbers]

    def results(self, ids: Sequence[str]) -> dict[str, Any]:
        pipe = results.client.pipeline(transaction=False)
        for task_id in ids:
            pipe.lindex(results.build_message_key(self.sent[task_id]), 0)
        found = {}
        for task_id, data in zip(ids, pipe.execute(), strict=True):
            if data is not None:
                try:
                    found[task_id] = results.unwrap_result(results.encoder.decode(data))
                except Exception as error:
                    found[task_id] = str(error)
        return found
