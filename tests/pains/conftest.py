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

app = Umbel("pains", broker=BROKER, backend=RESULTS)
app.conf.update(SETTINGS)

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
def note(path, word, seconds=0.0):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, (word + "\\n").encode())
    os.close(fd)
    if seconds:
        time.sleep(seconds)

@app.task
def note_pid(path, seconds):
    note(path, str(os.getpid()))
    time.sleep(seconds)

@app.task
def die(path, word="try", really=True):
    note(path, word)
    if really:
        os._exit(137)

@app.task
async def held(path, word, gate):
    note(path, word)
    while not os.path.exists(gate):
        await asyncio.sleep(0.05)

@app.task(bind=True, max_retries=3)
def retrying(self, path, countdown=0.05, times=3):
    note(path, "try")
    raise self.retry(countdown=countdown, exc=ValueError("as asked"), max_retries=times)

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

QUORUM = "?quorum"
"""Behind a URL of RabbitMQ: what the tests of this folder make of a program on it."""


def stores(*names: str) -> pytest.MarkDecorator:
    """Run a test on each of these; a test without it runs on SQLite.

    "sqlite", "redis"; "rabbitmq", where Celery's own queue is a classic one, and "quorum", the same with a queue of the
    kind that umbel makes.
    """
    return pytest.mark.parametrize("store", names, indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty broker. Redis is this test's alone, and writes each command to disk before it answers; RabbitMQ
    is shared, with a virtual host of this test's own.
    """
    name = getattr(request, "param", "sqlite")
    if name == "sqlite":
        yield "sqlite:///queue.db"
    elif name == "redis":
        durable = ("--appendonly", "yes", "--appendfsync", "always")
        with redis_server(tmp_path_factory.mktemp("redis"), *durable) as server:
            yield server.url
    else:
        with request.getfixturevalue("rabbitmq").place() as url:
            yield f"{url}{QUORUM if name == 'quorum' else ''}"


def written(broker: str, results: str = "", **settings: Any) -> str:
    """The text of the tasks' module. RabbitMQ keeps no results: they are in a file unless something else is said."""
    url = broker.removesuffix(QUORUM)
    if url != broker:
        settings["task_default_queue"] = "jobs"
    kept = results or ("sqlite:///results.db" if url.startswith("amqp") else url)
    text = TASKS.replace("BROKER", repr(url)).replace("RESULTS", repr(kept))
    return text.replace("SETTINGS", repr(settings))


@pytest.fixture
def settings() -> dict[str, Any]:
    """Of the program; a test that wants some has a fixture of this name."""
    return {}


@pytest.fixture
def pains(project: Project, monkeypatch: pytest.MonkeyPatch, store: str, settings: dict[str, Any]) -> Iterator[Any]:
    """The module of the project's tasks, imported here as a client does; its ``shelf()`` looks into the store."""
    path = project.write("pains.py", written(store, **settings))
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


def vhost(store: str) -> str:
    """Name of RabbitMQ's virtual host."""
    return store.removesuffix(QUORUM).rpartition("/")[2]


def ready(pains: Any) -> int:
    """How many messages wait for a worker."""
    return sum(one.ready for one in pains.shelf().counts())


def delayed(pains: Any) -> int:
    """How many messages wait for their time; RabbitMQ has them on its ladder, not in their queue."""
    shelf = pains.shelf()
    hidden = getattr(shelf, "hidden", None)
    return int(hidden()) if hidden else sum(one.delayed for one in shelf.counts())


@pytest.fixture
def start(project: Project) -> Callable[..., Any]:
    """Start a worker of the project and wait until it is ready; a fresh one is a start of the program."""

    def start(*options: str, fresh: bool = False) -> Any:
        make = project.worker if fresh else project.forked_worker
        worker = make("pains", "-l", "INFO", *options)
        worker.until_output("ready.", timeout=20)
        return worker

    return start
