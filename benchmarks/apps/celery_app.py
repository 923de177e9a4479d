"""Celery on Redis or RabbitMQ, results in Redis, shipped defaults."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks import work

redis = os.environ["BENCH_REDIS"]
app = Celery("bench", broker=os.environ.get("BENCH_RABBITMQ", redis), backend=redis)
app.conf.broker_connection_retry_on_startup = True
tasks = {function.__name__: app.task(function) for function in work.FUNCTIONS}
