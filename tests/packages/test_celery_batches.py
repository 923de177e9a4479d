"""celery-batches, unmodified: calls are gathered in a child, run together, and acknowledged after that."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.conftest import Project
from tests.support.until import until

pytestmark = pytest.mark.timeout(300)  # the environment is made when the first test needs it

SHOP = """
import json, os, pathlib, time
from celery import Celery, current_task
from celery.signals import task_postrun, task_prerun, task_received
from celery_batches import Batches, SimpleRequest

app = Celery("shop")


@app.task(base=Batches, flush_every=5, flush_interval=0.5)
def count(requests):
    assert all(isinstance(one, SimpleRequest) for one in requests)
    assert current_task.name == "shop.count"
    with open("batches.txt", "a") as out:
        out.write(json.dumps([one.args[0] for one in requests]) + chr(10))
    for one in requests:
        app.backend.mark_as_done(one.id, [len(requests), one.kwargs.get("unit")], request=one)


@app.task(base=Batches, flush_every=3, flush_interval=0.2)
def heavy(requests):
    with open("heavy.txt", "a") as out:
        out.write(json.dumps([os.getpid(), sorted(one.args[0] for one in requests)]) + chr(10))
    while any(one.args[0] == 0 for one in requests) and not pathlib.Path("go").exists():
        time.sleep(0.01)


@app.task(base=Batches, flush_every=4, flush_interval=3600)
def slow(requests):
    with open("slow.txt", "a") as out:
        out.write(json.dumps(sorted(one.args[0] for one in requests)) + chr(10))


@app.task
def add(x, y):
    return x + y


def told(word):
    def tell(**kwargs):
        pathlib.Path("pid.txt").write_text(str(os.getpid()))
        with open("signals.txt", "a") as out:
            out.write(word + " ")
    return tell


for signal, word in ((task_received, "received"), (task_prerun, "prerun"), (task_postrun, "postrun")):
    signal.connect(told(word), weak=False)
"""

CALL = """
from shop import add, app, count

results = [count.delay(number, unit="kg") for number in range(12)]
print(add.delay(1, 2).get(timeout=30))
print(sorted(result.get(timeout=30) for result in results))
app.conf.task_always_eager = True
"""

HEAVY = """
from shop import heavy

for number in range(3):
    heavy.delay(number)
"""


@pytest.fixture(params=["redis", "sqlite"])
def store(request, project: Project) -> str:
    if request.param == "redis":
        return request.getfixturevalue("redis")
    url = f"sqlite:///{project.folder / 'store.db'}"
    project.processes.env.update(CELERY_BROKER_URL=url, CELERY_RESULT_BACKEND=url)
    return url


def lines(project: Project, name: str) -> list:
    path = project.folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_calls_are_gathered_and_run_together(project: Project, store, worker, program):
    project.write("shop.py", SHOP)
    started = worker("shop")
    out = program(CALL).splitlines()
    assert out[0] == "3"
    batches = lines(project, "batches.txt")
    assert sorted(number for batch in batches for number in batch) == list(range(12))
    assert [len(batch) for batch in batches] == [5, 5, 2]
    assert json.loads(out[1].replace("'", '"')) == [[2, "kg"]] * 2 + [[5, "kg"]] * 10
    told = (project.folder / "signals.txt").read_text().split()
    assert (told.count("received"), told.count("prerun"), told.count("postrun")) == (13, 4, 4)
    started.stop()
    assert started.wait() == 0


def test_what_a_killed_child_had_gathered_is_gathered_again(project: Project, store, worker, program):
    """None of it had started, so none of it is to blame."""
    project.write("shop.py", SHOP)
    worker("shop")
    program("from shop import slow\nfor number in range(3): slow.delay(number)")
    told = project.folder / "signals.txt"
    until(lambda: told.exists() and told.read_text().count("received") == 3, "they are gathered")
    os.kill(int((project.folder / "pid.txt").read_text()), signal.SIGKILL)
    program("from shop import slow\nslow.delay(3)")
    (batch,) = until(lambda: lines(project, "slow.txt"), "they are run", timeout=30)
    assert batch == [0, 1, 2, 3]


def test_nothing_is_lost_when_a_child_is_killed(project: Project, store, worker, program):
    """What was running runs again, each call by itself."""
    project.write("shop.py", SHOP)
    worker("shop")
    program(HEAVY)
    (first,) = until(lambda: lines(project, "heavy.txt"), "the batch runs")
    assert first[1] == [0, 1, 2]
    os.kill(first[0], signal.SIGKILL)
    (project.folder / "go").touch()
    again = until(lambda: len(found := lines(project, "heavy.txt")) >= 4 and found, "it runs again", timeout=30)
    assert sorted(batch for _, batch in again[1:]) == [[0], [1], [2]]
    assert len(lines(project, "heavy.txt")) == 4
