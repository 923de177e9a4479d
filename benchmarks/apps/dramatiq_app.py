"""Dramatiq on Redis, results kept for a day."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks import work

results = RedisBackend(url=os.environ["BENCH_REDIS"])
broker = RedisBroker(url=os.environ["BENCH_REDIS"])
broker.add_middleware(Results(backend=results, store_results=True, result_ttl=86_400_000))
dramatiq.set_broker(broker)
tasks = {function.__name__: dramatiq.actor(function) for function in work.FUNCTIONS}
