"""A project whose tasks write the history, and a judge for the end of each run.

Every run prints its seed (set UMBEL_CHAOS_SEED to it to make the same choices again) and, at its end, what it counted.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.chaos.sabotaged import moved
from tests.conftest import TOP, Project
from tests.support.history import History, append
from tests.support.processes import descendants, parent
from tests.support.scale import seed
from tests.support.until import until
from umbel import clock
from umbel.broker import Death

TASKS = """
import asyncio, os, sys, time
sys.path.insert(0, {top!r})
from tests.support.history import append
from tests.chaos.recorder import record_settles
from umbel import Umbel

app = Umbel("chaos", broker={broker!r}, backend={backend!r})
app.conf.worker_shutdown_grace = 3.0
app.conf.task_unknown_hold = 0.5
HISTORY = {history!r}
record_settles(HISTORY)

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

@app.task(bind=True, max_retries=None)
def flaky(self, times, seconds=0.0):
    # each attempt is one run of its own in the history
    append(HISTORY, "started", f"{{self.request.id}}#{{self.request.retries}}")
    time.sleep(seconds)
    if self.request.retries < times:
        raise self.retry(countdown=0.05)
    append(HISTORY, "ended", self.request.id)

@app.task(bind=True)
def after(self, value):
    append(HISTORY, "started", self.request.id)
    append(HISTORY, "ended", self.request.id)
    return value

@app.task(bind=True, acks_late=False)
def early(self, seconds=0.0):
    append(HISTORY, "started", self.request.id)
    time.sleep(seconds)
    append(HISTORY, "ended", self.request.id)

@app.task(bind=True)
def large(self, size, seconds=0.0):
    append(HISTORY, "started", self.request.id)
    time.sleep(seconds)
    append(HISTORY, "ended", self.request.id)
    return os.urandom(size // 2).hex()

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
    """One chaos run: a project, its tasks, and its history.

    Attributes:
        rng: where the run's choices come from.
    """

    project: Project
    tasks: Any
    path: Path
    rng: random.Random = field(default_factory=random.Random)
    marks: dict[float, float] = field(default_factory=dict)
    _history: History = field(default_factory=History)

    @cached_property
    def shelf(self) -> Any:
        """To look into the store."""
        return self.tasks.app.broker.shelf()

    def worker(self, *options: str, sabotage: Sequence[str] = (), ready: bool = True) -> Any:
        """Start a worker and wait until it is ready.

        Args:
            options: of the command line.
            sabotage: what of it is broken, see `tests.chaos.sabotaged`.
            ready: wait for it.
        """
        words = ["-A", "chaotic", "worker", "-l", "INFO", *options]
        if sabotage:
            path = os.pathsep.join((str(self.project.folder), str(TOP)))
            start = ("-m", "tests.chaos.sabotaged", *sabotage, "--", *words)
            worker = self.project.processes.python(*start, env={"PYTHONPATH": path})
        else:
            worker = self.project.worker("chaotic", *words[3:])
        if ready:
            worker.until_output("ready.", timeout=30)
        return worker

    def send(self, count: int, task: str = "work", *args: Any, **options: Any) -> list[str]:
        """Enqueue tasks and note them."""
        called = getattr(self.tasks, task)
        begin = clock.wall()
        results = list(called.apply_async_many(((args, {}) for _ in range(count)), **options))
        for result in results:
            append(self.path, "enqueued", result.id)
            if "countdown" in options:
                append(self.path, "due", result.id, begin + options["countdown"])
        return [result.id for result in results]

    def history(self) -> History:
        """What happened so far: one object, which grows with each call."""
        return self._history.follow(self.path) if self.path.exists() else self._history

    def ended(self) -> int:
        """How many ids have ended so far."""
        return len(self.history().ends)

    def started(self) -> int:
        """How many runs and attempts have started so far."""
        return sum(map(len, self.history().starts.values()))

    def starts(self, task_id: str) -> int:
        """How often one id has started so far."""
        return len(self.history().starts.get(task_id, ()))

    def leased(self) -> list[str]:
        """Ids that some worker holds now (the first thousand)."""
        return [item.parcel.id for item in self.shelf.items("leased", limit=1000)]

    def hit_twice(self) -> list[str]:
        """Ids of messages against which two deaths count."""
        items = [*self.shelf.items("leased"), *self.shelf.items("ready")]  # what was taken back stands at the front
        return [item.parcel.id for item in items if item.deaths >= 2]

    def give_up(self, pid: int) -> None:
        """Declare the owner that lives in a process dead, as its supervisor would, and let it live."""
        with contextlib.closing(self.tasks.app.broker.owners()) as owners:
            nonce = next(owner.nonce for owner in owners.roll() if owner.pid == pid)
            assert owners.rescue([Death(nonce, (), "given up")])

    def ready(self, queue: str) -> int:
        """How many messages of a queue can be claimed now."""
        counts = self.shelf.counts()
        return sum(one.ready for one in counts if one.queue == queue)

    def states(self, ids: Sequence[str]) -> list[str]:
        """Stored states, PENDING for what has none."""
        return [self.tasks.app.AsyncResult(one).state for one in ids]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Another program holds the write lock of the store's file."""
        connection = apsw.Connection(str(self.project.folder / "queue.db"))
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        finally:
            connection.close(force=True)

    def waited(self, seconds: float) -> bool:
        """Whether so many seconds have passed since the first call with this number: what must not happen had time."""
        return time.monotonic() - self.marks.setdefault(seconds, time.monotonic()) >= seconds

    def killed(self) -> None:
        """Note that something is killed now."""
        append(self.path, "killed")

    def left(self) -> Sequence[object]:
        """What is still in the store, dead letters left out."""
        counts = self.shelf.counts()
        return [count for count in counts if count.ready or count.delayed or count.leased]

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until the store is empty; it must not stay as it is for so many seconds."""
        left: Sequence[object] = [None]
        while left:
            until(lambda before=left: self.left() != before, lambda: f"progress in {self.left()}", timeout=timeout)
            left = self.left()

    def counted(self) -> str:
        """What happened, in one line for the log."""
        history = self.history()
        figures = {
            "enqueued": len(history.enqueued),
            "started": sum(map(len, history.starts.values())),
            "ended": len(history.ends),
            "settled": len(history.settles),
            "ran more than once": history.repeated(),
            "kills": len(history.kills),
        }
        return ", ".join(f"{number:,} {what}" for what, number in figures.items())

    def faults(self) -> list[str]:
        """Judge the run."""
        history = self.history()
        backend = self.tasks.app.backend()
        results: dict[str, str] = {}
        for at in range(0, len(history.enqueued), 500):
            found = backend.fetch(history.enqueued[at : at + 500])
            results |= {task_id: record.status for task_id, record in found.items()}
        return history.faults(results, self.left())


def children_of(worker: Any) -> list[int]:
    """The children that run tasks: the supervisor's child is the nursery, theirs are its children."""
    return [pid for pid in descendants(worker.pid) if not descendants(pid) and parent(pid) != worker.pid]


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def kill_children(chaos: Run, worker: Any, times: int) -> int:
    """Kill a random child so many times, each time after some progress; returns how many were killed.

    A task that was hit twice is left to end first: a third time it would be set aside, as it should be.
    """
    kills = 0
    while chaos.left() and kills < times:
        victims = children_of(worker)
        until(lambda: not chaos.hit_twice(), lambda: f"the end of {chaos.hit_twice()}", timeout=20)
        if victims:
            chaos.killed()
            kill(chaos.rng.choice(victims))
            kills += 1
        done = chaos.started()
        until(lambda done=done: chaos.started() > done or not chaos.left(), "some progress after a kill", timeout=20)
    return kills


def kill_all(worker: Any) -> None:
    """The whole group at once: nobody survives to say what ran."""
    for pid in [worker.pid, *descendants(worker.pid)]:
        kill(pid)


@pytest.fixture
def chaos(project: Project, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Run]:
    """A fresh run. An indirect parameter names broker and backend: (URL, URL or None)."""
    broker, backend = getattr(request, "param", ("sqlite:///queue.db", None))
    with begun(project, monkeypatch, broker, backend) as run:
        yield run


@contextlib.contextmanager
def begun(
    project: Project, monkeypatch: pytest.MonkeyPatch, broker: str, backend: str | None, more: str = ""
) -> Iterator[Run]:
    """A fresh run over these stores, with more code behind its tasks; prints its seed, and at its end its counts."""
    path = project.folder / "history.jsonl"
    code = TASKS.format(top=str(TOP), history=str(path), broker=broker, backend=backend) + more
    file = project.write("chaotic.py", code)
    monkeypatch.chdir(project.folder)
    spec = importlib.util.spec_from_file_location("chaotic", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "chaotic", module)
    spec.loader.exec_module(module)
    chosen = seed()
    print(f"seed {chosen}")
    with module.app:
        run = Run(project, module, path, random.Random(chosen))
        begin = time.monotonic()
        yield run
        run.shelf.close()
        print(f"{run.counted()}, {time.monotonic() - begin:.1f} s")


@pytest.fixture
def set_clock(chaos: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the clock of this test and of workers with ``clock=offset.txt``, as seconds ahead of the real one."""
    path = chaos.project.folder / "offset.txt"

    def to(seconds: int) -> None:
        fresh = path.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(path)

    to(0)
    monkeypatch.setattr(clock, "wall", moved(str(path)))
    return to
