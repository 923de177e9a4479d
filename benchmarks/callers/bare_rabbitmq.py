from __future__ import annotations

from collections.abc import Iterable

from benchmarks import bare_rabbitmq
from benchmarks.callers import bare_redis
from benchmarks.work import NOTE


class Caller(bare_redis.Caller):
    """Messages in RabbitMQ; results are read where the bare Redis loop has them."""

    def __init__(self) -> None:
        super().__init__()
        self.sender = bare_rabbitmq.Sender()

    def one(self, kind: str, number: int) -> str:
        return self.many(kind, [number])[0]

    def many(self, kind: str, numbers: Iterable[int]) -> list[str]:
        name = f"benchmarks.work.{kind}"
        made = [bare_rabbitmq.message(name, (number, NOTE), self.origin) for number in numbers]
        self.sender.send(made)
        return [task_id for task_id, _, _ in made]
