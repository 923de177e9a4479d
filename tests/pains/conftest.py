"""A running worker of a small project, for each pool, and the app to call it from the test."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Project

TASKS = """
import asyncio, os, time
from umbel import Umbel

app = Umbel("pains", broker="sqlite:///queue.db")

@app.task
def add(x, y):
    return x + y

@app.task
def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return "spun"

@app.task
def block(seconds):
    time.sleep(seconds)
    return "slept"

@app.task
async def doze(seconds):
    await asyncio.sleep(seconds)
    return "dozed"

@app.task
def note(path, word):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (word + "\\n").encode())
    os.close(fd)

@app.task
def note_pid(path, seconds):
    note(path, str(os.getpid()))
    time.sleep(seconds)

@app.task
def die(path, word="try", really=True):
    note(path, word)
    if really:
        os._exit(137)

@app.task(bind=True, max_retries=3)
def retrying(self, path):
    note(path, "try")
    raise self.retry(countdown=0.05, exc=ValueError("as asked"))

@app.task
def unjsonable():
    return object()

@app.task
def keys(mapping):
    return sorted(map(repr, mapping))

@app.task
def fail(name):
    raise getattr(__import__("builtins"), name)("as asked")

@app.task
def pid():
    return os.getpid()
"""


@pytest.fixture
def pains(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of the project's tasks, imported here as a client does."""
    path = project.write("pains.py", TASKS)
    monkeypatch.chdir(project.folder)
    spec = importlib.util.spec_from_file_location("pains", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pains", module)
    spec.loader.exec_module(module)
    with module.app:
        yield module


@pytest.fixture
def start(project: Project) -> Callable[..., Any]:
    """Start a worker of the project and wait until it is ready."""

    def start(*options: str) -> Any:
        worker = project.worker("pains", "-l", "INFO", *options)
        worker.until_output("ready.", timeout=20)
        return worker

    return start
