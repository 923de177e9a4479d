"""Schedulers over RabbitMQ, which keeps no marks: the result store does."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from tests.beat.hurting import INTERVAL, Schedulers
from tests.support.until import until
from umbel import Umbel
from umbel.beat.times import SECOND, tick_id
from umbel.coordinator import Candidate, Tick

PROJECT = """
from umbel import Umbel
from umbel.schedules import every

app = Umbel("shop", broker="{url}", backend="{results}")


@app.task(name="shop.count", bind=True)
def count(self):
    with open("ran", "a") as file:
        print(self.request.id, file=file)


app.conf.beat_schedule = {{
    "all": {{"task": "shop.count", "schedule": every(seconds={interval}), "catch_up": "all", "catch_up_most": 100000}},
}}
"""


class Beside(Schedulers):
    """Schedulers whose store is that of the results."""

    def __init__(self, project, url, results):
        self.project = project
        project.write("shop.py", PROJECT.format(url=url, results=results, interval=INTERVAL))
        self.coordinator = Umbel("shop", broker=url, backend=results).coordinator()
        self.processes = {f"b{number}@sim": self.start(number) for number in (1, 2)}


@pytest.mark.chaos
def test_no_tick_is_missing_when_a_leader_is_killed(project, url, tmp_path):
    """At least once. Row 23 of tests/pains."""
    schedulers = Beside(project, url, f"sqlite:///{tmp_path}/results.db")
    worker = project.worker("shop", "-c", "1", "-l", "INFO")
    until(schedulers.sent, project.processes.report, timeout=30)
    schedulers.until_goes_on()
    schedulers.hurt(signal.SIGKILL)
    for process in schedulers.processes.values():
        assert not process.alive or process.stop(signal.SIGTERM) == 0
    last, step = schedulers.sent(), int(INTERVAL * SECOND)
    schedulers.coordinator.close()

    def ran():
        return Counter((tmp_path / "ran").read_text().split())

    until(lambda: tick_id("shop", "all", last) in ran(), worker.output, timeout=30)
    expected = [tick_id("shop", "all", last - number * step) for number in range(len(ran()))]
    assert len(expected) > 30
    assert {*ran()} == {*expected}, "a tick is missing"
    assert sum(ran().values()) <= len(expected) + 1, "a kill may double the tick that it hits, not others"


def test_a_tick_that_was_sent_twice_runs_once(project, url, tmp_path):
    """The leader died behind the sending: its follower sends it again, and the worker finds its result."""
    results = f"sqlite:///{tmp_path}/results.db"
    project.write("shop.py", PROJECT.format(url=url, results=results, interval=3600))
    worker = project.worker("shop", "-c", "1", "-l", "INFO")
    with Umbel("shop", broker=url, backend=results) as app:
        parcel = app.build("shop.count", (), {}, task_id="the-tick", headers={"celery_beat_task": True})
        coordinator = app.coordinator()
        term = coordinator.lead(Candidate(1, "one@here"), None, 1.0).term
        assert coordinator.fire(term, [Tick("all", 0, 10, "sent", 1.0, parcels=(parcel,))]) is True
        worker.until_output("Task shop.count[the-tick] succeeded", timeout=30)
        assert coordinator.fire(term, [Tick("all", 0, 10, "sent", 1.0, parcels=(parcel,))]) is False
        app.publish([parcel])
        worker.until_output("Task shop.count[the-tick] had succeeded before: it does not run again", timeout=30)
        coordinator.close()
    assert (tmp_path / "ran").read_text().split() == ["the-tick"]
