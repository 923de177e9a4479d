"""A running worker of a small project, for each pool, and the app to call it from the test."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from tests.conftest import Project
from tests.support.servers import redis_server

TASKS = """
import asyncio, os, time
from umbel import Umbel

app = Umbel("pains", broker=URL, backend=URL)

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


def stores(*names: str) -> pytest.MarkDecorator:
    """Run a test on each of these: "sqlite", "redis". A test without it runs on SQLite."""
    return pytest.mark.parametrize("store", names, indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty store; a server is this test's alone, and writes each command to disk before it answers."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield "sqlite:///queue.db"
        return
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    with redis_server(tmp_path_factory.mktemp("redis"), *durable) as server:
        yield server.url


@pytest.fixture
def pains(project: Project, monkeypatch: pytest.MonkeyPatch, store: str) -> Iterator[Any]:
    """The module of the project's tasks, imported here as a client does; its ``shelf()`` looks into the store."""
    path = project.write("pains.py", TASKS.replace("URL", repr(store)))
    monkeypatch.chdir(project.folder)
    spec = importlib.util.spec_from_file_location("pains", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pains", module)
    spec.loader.exec_module(module)
    shelf = module.shelf = cache(module.app.broker.shelf)  # type: ignore[attr-defined]  # for tests only
    with module.app:
        yield module
        if shelf.cache_info().currsize:
            shelf().close()


@pytest.fixture
def start(project: Project) -> Callable[..., Any]:
    """Start a worker of the project and wait until it is ready."""

    def start(*options: str) -> Any:
        worker = project.worker("pains", "-l", "INFO", *options)
        worker.until_output("ready.", timeout=20)
        return worker

    return start
