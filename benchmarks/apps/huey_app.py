"""Huey on SQLite: results kept, its fastest setting."""

from __future__ import annotations

import os

from huey import SqliteHuey

from benchmarks import work

huey = SqliteHuey("bench", filename=f"{os.environ['BENCH_FOLDER']}/huey.db", fsync=False)
tasks = {function.__name__: huey.task()(function) for function in work.FUNCTIONS}
