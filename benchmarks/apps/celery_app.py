"""Celery on Redis, results in the same server, shipped defaults."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks import work

app = Celery("bench", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.broker_connection_retry_on_startup = True
tasks = {function.__name__: app.task(function) for function in work.FUNCTIONS}
