"""Watchers of both kinds beside workers of both kinds, on one server."""

from __future__ import annotations

import re
import sys

from tests.conftest import UMBEL

from .shop import Shop

LINE = r"w1@\S+ \[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00:00\] "


def dumps(shop: Shop):
    """``celery events --dump`` and ``umbel events --dump``, both listening soon."""
    theirs = shop.processes.start(sys.executable, "-m", "celery", "-A", "with_celery", "events", "--dump")
    mine = shop.processes.start(UMBEL, "-A", "with_umbel", "events", "--dump")
    for each in (theirs, mine):
        each.until_output("starting capture", timeout=60)
    return theirs, mine


def call(shop: Shop, module: str) -> None:
    """One task that succeeds, sent by that module's app."""
    said = shop.project.client(
        f"from {module} import add; print(add.delay(2, 3).get(timeout=30))", of=module.removeprefix("with_")
    )
    assert said.stdout.strip() == "5", said


def check_that_celery_reads_umbel(shop: Shop) -> None:
    """What `celery events --dump` writes of an umbel worker."""
    dump, _ = dumps(shop)
    worker = shop.umbel_worker("-E", "-n", "w1@%h")
    dump.until_output("heartbeat: active=0", timeout=30)  # whoever came too late for the start has this
    call(shop, "with_umbel")
    seen = dump.until_output("task succeeded", timeout=30)
    assert re.search(LINE + r"task received: shop\.add\(\S+\) args=\(2, 3\) kwargs=\{\} clock=\d+, eta=None, ", seen)
    assert re.search(LINE + r"task started: shop\.add\(\S+\) args=\(2, 3\) kwargs=\{\} clock=\d+, ", seen)
    assert re.search(LINE + r"task succeeded: shop\.add\(\S+\) .*, result=5, runtime=\d\.\d+", seen)
    worker.stop()
    assert re.search(LINE + "shutdown: active=0", dump.until_output("shutdown", timeout=20))


def check_that_umbel_reads_celery(shop: Shop) -> None:
    """`umbel events --dump` writes of a Celery worker what Celery's own writes."""
    both = dumps(shop)
    shop.celery_worker("-E", "-n", "w1@%h")
    for each in both:
        each.until_output("heartbeat: active=0", timeout=30)
    call(shop, "with_celery")
    for each in both:
        each.until_output("task succeeded", timeout=30)
    theirs, mine = (
        [re.sub(r"local_received=[\d.]+|clock=\d+", "", line) for line in each.output().splitlines() if "task " in line]
        for each in both
    )
    assert mine == theirs
    assert len(mine) == 3
