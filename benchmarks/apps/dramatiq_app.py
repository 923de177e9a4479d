"""Dramatiq on Redis or RabbitMQ, results in Redis, kept for a day."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks import work


def two_slashes(url: str) -> str:
    """pika's way to write the virtual host "/"."""
    return url.removesuffix("//") + "/%2F"


results = RedisBackend(url=os.environ["BENCH_REDIS"])
rabbitmq = os.environ.get("BENCH_RABBITMQ")
broker = RedisBroker(url=os.environ["BENCH_REDIS"]) if rabbitmq is None else RabbitmqBroker(url=two_slashes(rabbitmq))
broker.add_middleware(Results(backend=results, store_results=True, result_ttl=86_400_000))
dramatiq.set_broker(broker)
tasks = {function.__name__: dramatiq.actor(function) for function in work.FUNCTIONS}
