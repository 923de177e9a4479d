"""TaskIQ on Redis, results kept for a day."""

from __future__ import annotations

import os

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

from benchmarks import work

results: RedisAsyncResultBackend = RedisAsyncResultBackend(os.environ["BENCH_REDIS"], result_ex_time=86_400)
broker = ListQueueBroker(os.environ["BENCH_REDIS"]).with_result_backend(results)
tasks = {function.__name__: broker.task(task_name=function.__name__)(function) for function in work.FUNCTIONS}
