"""A project whose tasks write the history, and a judge for the end of each run."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TOP, Project
from tests.support.history import History, append
from tests.support.until import until

FACTOR = int(os.environ.get("UMBEL_CHAOS_FACTOR", "1"))
"""Multiplies the counts: 1 in `make test`, more in `make chaos`."""

TASKS = """
import asyncio, os, sys, time
sys.path.insert(0, {top!r})
from tests.support.history import append
from umbel import Umbel

app = Umbel("chaos", broker="sqlite:///queue.db")
app.conf.worker_shutdown_grace = 3.0
HISTORY = {history!r}

@app.task(bind=True)
def work(self, seconds=0.0):
    append(HISTORY, "started", self.request.id)
    if seconds:
        time.sleep(seconds)
    append(HISTORY, "ended", self.request.id)
    return seconds

@app.task(bind=True)
async def doze(self, seconds=0.0):
    append(HISTORY, "started", self.request.id)
    await asyncio.sleep(seconds)
    append(HISTORY, "ended", self.request.id)
    return seconds

@app.task(bind=True)
def harmful(self, how):
    append(HISTORY, "started", self.request.id)
    append(HISTORY, "killed")
    if how == "exit":
        os._exit(137)
    if how == "segfault":
        import ctypes
        ctypes.string_at(0)
    append(HISTORY, "ended", self.request.id)
    raise MemoryError
"""


@dataclass
class Run:
    """One chaos run: a project, its tasks, and its history."""

    project: Project
    tasks: Any
    path: Path

    def worker(self, *options: str, env: dict[str, str] | None = None) -> Any:
        """Start a worker and wait until it is ready."""
        worker = self.project.worker("chaotic", "-l", "INFO", *options, env=env)
        worker.until_output("ready.", timeout=30)
        return worker

    def send(self, count: int, task: str = "work", *args: Any, **options: Any) -> list[str]:
        """Enqueue tasks and note them."""
        called = getattr(self.tasks, task)
        results = list(called.apply_async_many(((args, {}) for _ in range(count)), **options))
        for result in results:
            append(self.path, "enqueued", result.id)
        return [result.id for result in results]

    def ended(self) -> int:
        """How many ids have ended so far."""
        return len(History.read(self.path).ends) if self.path.exists() else 0

    def killed(self) -> None:
        """Note that something is killed now."""
        append(self.path, "killed")

    def left(self) -> Sequence[object]:
        """What is still in the store, dead letters left out."""
        counts = self.tasks.app.broker.shelf().counts()
        return [count for count in counts if count.ready or count.delayed or count.leased]

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until the store is empty."""
        until(lambda: not self.left(), lambda: f"{self.left()}", timeout=timeout)

    def faults(self) -> list[str]:
        """Judge the run."""
        history = History.read(self.path)
        backend = self.tasks.app.backend()
        results: dict[str, str] = {}
        for at in range(0, len(history.enqueued), 500):
            found = backend.fetch(history.enqueued[at : at + 500])
            results |= {task_id: record.status for task_id, record in found.items()}
        return history.faults(results, self.left())


@pytest.fixture
def chaos(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A fresh run."""
    path = project.folder / "history.jsonl"
    file = project.write("chaotic.py", TASKS.format(top=str(TOP), history=str(path)))
    monkeypatch.chdir(project.folder)
    spec = importlib.util.spec_from_file_location("chaotic", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "chaotic", module)
    spec.loader.exec_module(module)
    with module.app:
        yield Run(project, module, path)
