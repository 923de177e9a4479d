"""An app with many periodic entries: umbel's or Celery's, as BENCH_BEAT says, due one after another."""

from __future__ import annotations

import os

if os.environ["BENCH_BEAT"] == "umbel":
    from umbel import Umbel as App
else:
    from celery import Celery as App

url = os.environ["BENCH_REDIS"]
app = App("bench", broker=url, backend=url)
first, gap = float(os.environ["BENCH_FIRST"]), float(os.environ["BENCH_GAP"])
app.conf.beat_schedule = {
    f"entry-{number}": {
        "task": "bench.tick",
        "schedule": first + number * gap,
        "args": (number,),
        # umbel writes the nominal time of a tick plus this into its message
        **({"expires": float(os.environ["BENCH_EXPIRES"])} if App.__name__ == "Umbel" else {}),
    }
    for number in range(int(os.environ["BENCH_ENTRIES"]))
}
