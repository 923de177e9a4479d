"""celery-once, unmodified: a task that is queued already is not queued again."""

from __future__ import annotations

import pytest

from tests.conftest import Project
from tests.support.until import until

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SHOP = """
import os, pathlib, time
from celery import Celery
from celery_once import QueueOnce

app = Celery("shop")
app.conf.ONCE = {
    "backend": "celery_once.backends.Redis",
    "settings": {"url": os.environ["CELERY_BROKER_URL"], "default_timeout": 3600},
}


@app.task(base=QueueOnce)
def report(day):
    with open("runs.txt", "a") as runs:
        runs.write(f"{day} ")
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return day


@app.task(base=QueueOnce, once={"graceful": True, "keys": ["day"]}, bind=True)
def mail(self, day, tries):
    raise ValueError(day)
"""

TWICE = """
from celery_once import AlreadyQueued
from shop import mail, report

first = report.delay("monday")
try:
    report.delay("monday")
except AlreadyQueued as error:
    print("queued already", 0 < error.countdown <= 3600)
other = report.delay("tuesday")
open("go", "w").close()
print(first.get(timeout=30), other.get(timeout=30))
"""

AGAIN = """
from shop import mail, report

print(report.delay("monday").get(timeout=30))
failed = mail.delay("friday", 1)
print(repr(failed.get(timeout=30, propagate=False)))
"""

GRACEFUL = """
from celery_once.helpers import queue_once_key
from shop import mail

mail.once_backend.raise_or_lock(mail.get_key(("sunday", 1)), 60)
print(mail.delay("sunday", 2).state)
"""


def test_what_is_queued_is_not_queued_again_until_it_has_run(project: Project, redis, worker, program):
    project.write("shop.py", SHOP)
    worker("shop")
    assert program(TWICE) == "queued already True\nmonday tuesday\n"
    assert until(lambda: program(AGAIN).splitlines(), "its lock is gone") == ["monday", "ValueError('friday')"]
    assert (project.folder / "runs.txt").read_text() == "monday tuesday monday "
    assert program(GRACEFUL) == "REJECTED\n"
