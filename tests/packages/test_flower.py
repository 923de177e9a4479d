"""Flower, unmodified, over a cluster of umbel's workers."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.conftest import Project
from tests.support.servers import free_port
from tests.support.until import until

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SHOP = """
import os, pathlib, time
from celery import Celery

app = Celery("shop")


@app.task
def add(x, y):
    return x + y


@app.task
def boom():
    raise ValueError("bad")


@app.task
def hold():
    pathlib.Path(f"held-{os.getpid()}").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
"""

SEND = """
from shop import add, boom

sent = [add.delay(n, n) for n in range(5)]
print(boom.delay().id)
print(sent[3].id)
for one in sent:
    one.get(timeout=30)
"""

WAIT = """
import pathlib, time
from shop import add, hold

for n in range(2):
    hold.delay()
while len(list(pathlib.Path().glob("held-*"))) < 2:  # a worker that got both gives one back
    time.sleep(0.01)
for n in range(7):
    add.delay(n, 0)
"""


class Flower:
    """A running Flower.

    Args:
        celery: starts a program.
        app: name of the application.
    """

    def __init__(self, celery, app: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        port = self.url.rpartition(":")[2]
        words = ("flower", "--address=127.0.0.1", f"--port={port}")
        self.process = celery("-A", app, *words, FLOWER_UNAUTHENTICATED_API="true")
        self.process.until_output("Visit me at", timeout=60)

    def page(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read().decode()

    def api(self, path: str, **form: Any) -> Any:
        """An answer of its API; with a form, to a POST."""
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(f"{self.url}/api/{path}", data, timeout=20) as answer:
            return json.load(answer)

    def call(self, path: str, **body: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/api/{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


def test_pages_and_api_know_workers_tasks_and_counts(project: Project, redis, celery, worker, program):
    project.write("shop.py", SHOP)
    one, _ = worker("shop", "-E", "-n", "one@shop"), worker("shop", "-E", "-n", "two@shop")
    flower = Flower(celery, "shop")
    until(lambda: len(flower.api("workers?refresh=1")) == 2, "both workers", timeout=30)
    failed, fourth = program(SEND).split()
    has_the_workers(flower, one.pid)
    has_the_tasks(flower, failed, fourth)
    has_the_pages(flower, failed)
    counts_what_waits(project, flower, program)
    steers(flower)
    assert flower.process.stop() == 0


def has_the_workers(flower: Flower, pid: int) -> None:
    workers = flower.api("workers?refresh=1")
    assert sorted(workers) == ["one@shop", "two@shop"]
    assert workers["one@shop"]["stats"]["pid"] == pid
    assert workers["one@shop"]["stats"]["pool"]["max-concurrency"] == 1
    assert {"shop.add", "shop.boom"} <= set(workers["two@shop"]["registered"])
    assert [queue["name"] for queue in workers["two@shop"]["active_queues"]] == ["celery"]
    assert flower.api("workers?status=1") == {"one@shop": True, "two@shop": True}


def has_the_tasks(flower: Flower, failed: str, fourth: str) -> None:
    ended = {"SUCCESS": 5, "FAILURE": 1}

    def all_ended() -> dict[str, Any]:
        found = flower.api("tasks")
        return found if Counter(task["state"] for task in found.values()) == ended else {}

    tasks = until(all_ended, lambda: f"six tasks that have ended: {flower.api('tasks')}", timeout=30)
    assert tasks[failed]["state"] == "FAILURE"
    assert [*flower.api("tasks?taskname=shop.boom&state=FAILURE")] == [failed]
    info = flower.api(f"task/info/{fourth}")
    assert (info["name"], info["args"], info["result"]) == ("shop.add", "(3, 3)", "6")
    assert info["worker"] in ("one@shop", "two@shop")
    assert flower.api(f"task/result/{failed}")["traceback"].endswith("ValueError: bad\n")


def has_the_pages(flower: Flower, failed: str) -> None:
    assert "one@shop" in flower.page("/workers")
    assert "shop.add" in flower.page("/worker/one@shop")
    assert "ValueError" in flower.page(f"/task/{failed}")
    assert "Traceback" in flower.page(f"/task/{failed}")
    assert "celery" in flower.page("/broker")
    metrics = flower.page("/metrics")
    counts = re.findall(r'flower_events_total\{task="shop.add",type="task-succeeded",worker=".*"\} (\d)', metrics)
    assert sum(map(int, counts)) == 5


def counts_what_waits(project: Project, flower: Flower, program) -> None:
    """Both workers are busy: seven tasks wait in the queue, and run when they are free again."""
    program(WAIT)
    counted = [{"name": "celery", "messages": 7}]
    waiting = partial(flower.api, "queues/length")
    until(lambda: waiting()["active_queues"] == counted, lambda: f"seven that wait: {waiting()}", timeout=30)
    active = flower.api("workers?refresh=1&workername=one@shop")["one@shop"]["active"]
    assert [task["name"] for task in active] == ["shop.hold"]
    (project.folder / "go").touch()
    until(lambda: len(flower.api("tasks?state=SUCCESS")) == 14, "all have run", timeout=30)


def steers(flower: Flower) -> None:
    sent = flower.call("task/async-apply/shop.add", args=[20, 22])
    assert flower.api(f"task/result/{sent['task-id']}?timeout=20")["result"] == 42
    assert "grow" in flower.api("worker/pool/grow/two@shop", n=1)["message"].lower()
    until(
        lambda: flower.api("workers?refresh=1")["two@shop"]["stats"]["pool"]["max-concurrency"] == 2,
        "the second process",
        timeout=30,
    )
