"""Huey, results kept: on Redis if the run has a server, else on SQLite with its fastest setting."""

from __future__ import annotations

import os

from huey import Huey, RedisHuey, SqliteHuey

from benchmarks import work

redis = os.environ.get("BENCH_REDIS")
huey: Huey = (
    RedisHuey("bench", url=redis)
    if redis is not None
    else SqliteHuey("bench", filename=f"{os.environ['BENCH_FOLDER']}/huey.db", fsync=False)
)
tasks = {function.__name__: huey.task()(function) for function in work.FUNCTIONS}
