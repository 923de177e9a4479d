"""A child that is replaced because a function is deaf: what its neighbours have done is settled first, and once."""

from __future__ import annotations

import os

import pytest

from tests.conftest import Project
from tests.support.until import until

NEIGHBOURS = """
import time
from umbel import Task, Umbel

app = Umbel("deaf", broker="sqlite:///deaf.db")

class Slow(Task):
    def on_success(self, *_):
        with open("gate") as gate:
            gate.read()

@app.task(time_limit=0.3)
def stuck():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(60)

def note():
    with open("ran.txt", "a") as file:
        file.write("ran\\n")
    return "done"

@app.task(base=Slow)
async def coroutine():
    return note()

@app.task(base=Slow)
def function():
    return note()
"""


@pytest.mark.parametrize(("pool", "neighbour"), [("process", "coroutine"), ("thread", "function")])
def test_an_outcome_that_is_being_written_up_is_waited_for(project: Project, pool: str, neighbour: str) -> None:
    project.write("deaf.py", NEIGHBOURS)
    os.mkfifo(project.folder / "gate")
    ran = project.folder / "ran.txt"
    worker = project.forked_worker("deaf", "-P", pool, "-c", "1" if pool == "process" else "2", "-l", "INFO")
    worker.until_output("ready.", timeout=20)
    sent = project.client(f"from deaf import {neighbour}; print({neighbour}.delay().id)").stdout.strip()
    until(ran.exists, timeout=10)
    project.client("from deaf import stuck; stuck.delay()")
    worker.until_output("This child is replaced", timeout=10)
    with (project.folder / "gate").open("w") as gate:
        gate.write("go on")
    state = f"from deaf import app; print(app.AsyncResult({sent!r}).get(timeout=10))"
    assert project.client(state).stdout.strip() == "done"
    assert worker.stop() == 0
    assert ran.read_text() == "ran\n"
