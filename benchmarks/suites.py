"""The suites: who stands beside whom on which store, and what umbel has to reach there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import contestants, verdicts
from benchmarks.contestants import Contestant
from benchmarks.verdicts import Judge


@dataclass(frozen=True)
class Suite:
    """One run's worth.

    Attributes:
        title: of the report.
        folder: of the report, in benchmarks/results.
        contestants: by name, in the order of the report.
        judges: what is judged.
    """

    title: str
    folder: str
    contestants: Mapping[str, Contestant]
    judges: tuple[Judge, ...]


ALL = {
    "sqlite": Suite("Benchmarks", "latest", contestants.SQLITE, verdicts.SQLITE),
    "rabbitmq": Suite("Benchmarks on RabbitMQ", "latest-rabbitmq", contestants.RABBITMQ, verdicts.RABBITMQ),
    "redis": Suite("Benchmarks on Redis", "latest-redis", contestants.REDIS, verdicts.REDIS),
}
