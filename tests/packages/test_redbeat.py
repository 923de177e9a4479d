"""celery-redbeat, unmodified: entries in Redis that are changed while it runs, and a second one that waits."""

from __future__ import annotations

import pytest

from tests.conftest import Project
from tests.support.until import until

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SHOP = """
import os
from celery import Celery

app = Celery("shop")
app.conf.redbeat_redis_url = os.environ["CELERY_BROKER_URL"]
app.conf.beat_schedule = {"fixed": {"task": "shop.note", "schedule": 1.0, "args": ("fixed",)}}


@app.task(name="shop.note")
def note(word):
    with open("runs.txt", "a") as runs:
        runs.write(word + "\\n")
"""

CHANGES = """
import time
from celery.schedules import schedule
from redbeat import RedBeatSchedulerEntry as Entry
from shop import app

def until(word):
    end = time.monotonic() + 40
    while word not in open("runs.txt").read().split():
        assert time.monotonic() < end, f"{word} did not run"
        time.sleep(0.05)

Entry("more", "shop.note", schedule(1), args=["added"], app=app).save()
until("added")
entry = Entry.from_key("redbeat:more", app=app)
entry.args = ["changed"]
entry.save()
until("changed")
"""


def test_entries_in_redis(project: Project, redis, celery, worker, program):
    project.write("shop.py", SHOP)
    scheduler = ("-A", "shop", "beat", "-S", "redbeat.RedBeatScheduler", "--max-interval", "1", "-l", "INFO")
    first = celery(*scheduler)
    worker("shop")
    until((project.folder / "runs.txt").exists, first.output, timeout=60)
    second = celery(*scheduler)
    output = first.output()
    assert "  scheduler redbeat.schedulers.RedBeatScheduler\n  redis -> redis://" in output
    assert "beat: Acquired lock" in output
    program(CHANGES)
    second.until_output("beat: Starting...", timeout=30)
    assert "beat: Acquired lock" not in second.output()
    assert second.stop() == 0  # while it waits for the lock
    assert first.stop() == 0
    assert "beat: Releasing lock" in first.output()
