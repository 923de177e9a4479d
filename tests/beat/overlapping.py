"""Overlap over a real store with a real worker: the store says whether the task of the tick before waits or runs."""

from __future__ import annotations

from contextlib import closing

from tests.support.until import until
from umbel.beat.times import tick_id
from umbel.loading import open_backend, open_broker

PROJECT = """
import time
from pathlib import Path

from umbel import Umbel
from umbel.schedules import every

app = Umbel("shop", broker="{url}", backend="{results}")


@app.task(name="shop.hold")
def hold(name):
    with open(f"began-{{name}}", "a") as file:
        file.write("x")
    while not Path(f"release-{{name}}").exists():
        time.sleep(0.02)


app.conf.beat_schedule = {{
    name: {{"task": "shop.hold", "schedule": every(seconds=0.5), "args": [name], "overlap": name, "expires": 60}}
    for name in ("skip", "queue", "cancel")
}}
"""


def check_overlaps(project, url, results=""):
    """One run at a time of each; what is held is sent when it may, what is cancelled is revoked."""
    results = results or url
    project.write("shop.py", PROJECT.format(url=url, results=results))
    folder = project.folder
    worker = project.worker("shop", "-B", "-c", "6", "-P", "thread", "-l", "INFO")

    def began(name):
        file = folder / f"began-{name}"
        return len(file.read_text()) if file.exists() else 0

    with closing(open_broker(results, {}).coordinator("shop")) as coordinator:
        until(lambda: began("skip") and began("queue") and began("cancel") > 2, worker.output, timeout=30)
        until(lambda: [one.what for one in coordinator.history("skip")].count("skipped") > 1, worker.output)
        assert (began("skip"), began("queue")) == (1, 1)
        assert "still runs" in coordinator.history("skip")[0].detail
        assert [one.what for one in coordinator.history("queue")] == ["sent", "began"]
        first = [one for one in coordinator.history("cancel") if one.what == "sent"][-1]
        with closing(open_backend(results, {})) as backend:
            until(lambda: states(backend, tick_id("shop", "cancel", first.nominal)) == ["REVOKED"], worker.output)
        (folder / "release-skip").touch()
        (folder / "release-queue").touch()
        until(lambda: began("skip") > 1 and began("queue") > 1, worker.output, timeout=30)
    (folder / "release-cancel").touch()
    assert worker.stop(timeout=40) == 0


def states(backend, task_id):
    return [record.status for record in backend.fetch([task_id]).values()]
