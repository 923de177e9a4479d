"""Profile: where the time of one task goes in a child of umbel, on one core and without a second process.

A child's own loop drains a queue inside this process, three times: as it is, which gives the true time of a task; with
probes around the steps, which share that time out (what the probes themselves cost is measured and taken off); and
under cProfile, for the functions in between.
"""

from __future__ import annotations

import contextlib
import cProfile
import functools
import importlib
import os
import pstats
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import work
from benchmarks.servers import redis_server

_WORKER = (
    ("decode the head", "umbel.worker.runner:_envelope"),
    ("decode the body", "umbel.worker.runner:decode_json"),
    ("make the request", "umbel.worker.runner:Context"),
    ("prepare, the rest", "umbel.worker.runner:Runner.prepare"),
    ("the pool and its guard", "umbel.adapters.inline.pool:InlinePool.submit"),
    ("the attempt's steps", "umbel.worker.attempt:Attempt.run"),
    ("call the function", "benchmarks.work:noop"),
    ("encode the result", "umbel.worker.documents:Documents.write"),
    ("make the outcome", "umbel.worker.desk:Desk.done"),
    ("after the run", "umbel.worker.desk:Desk.after_return"),
)
PROBES = {
    "sqlite": (
        *_WORKER,
        ("settle and claim: bindings", "umbel.adapters.sqlite.rows:turn"),
        ("settle and claim: SQL", "umbel.adapters.sqlite.link:Link.write"),
        ("read what was claimed: SQL", "umbel.adapters.sqlite.link:Link.read"),
        ("the consumer, the rest", "umbel.adapters.sqlite.consumer:SqliteConsumer.turn"),
    ),
    "redis": (
        *_WORKER,
        ("settle and claim: words of outcomes", "umbel.adapters.redis.batches:Batches.sorted"),
        ("settle and claim: the server", "umbel.adapters.redis.link:Link.script"),
        ("open the envelopes", "umbel.adapters.redis.consumer:RedisConsumer._batch"),
        ("the consumer, the rest", "umbel.adapters.redis.consumer:RedisConsumer.turn"),
    ),
}
"""By store: step and the function that does it. A step's time is its own: what a step inside it takes is taken off."""


class Watch:
    """Own time of nested steps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._inside = [0.0]

    def reset(self) -> None:
        """Forget what was measured."""
        for step in self.seconds:
            self.seconds[step], self.calls[step] = 0.0, 0

    def copy(self) -> Watch:
        """What was measured so far, to keep."""
        kept = Watch()
        kept.seconds, kept.calls = dict(self.seconds), dict(self.calls)
        return kept

    def around(self, step: str, function: Any) -> Any:
        """`function`, watched."""
        self.seconds.setdefault(step, 0.0)
        self.calls.setdefault(step, 0)
        seconds, calls, inside, clock = self.seconds, self.calls, self._inside, time.perf_counter

        @functools.wraps(function, updated=())
        def watched(*args: Any, **kwargs: Any) -> Any:
            inside.append(0.0)
            started = clock()
            try:
                return function(*args, **kwargs)
            finally:
                spent = clock() - started
                seconds[step] += spent - inside.pop()
                inside[-1] += spent
                calls[step] += 1

        return watched


def place(path: str) -> tuple[Any, str]:
    """What holds the function, and its name there.

    Raises:
        AttributeError: there is no such function (any more).
    """
    module, _, name = path.partition(":")
    holder: Any = importlib.import_module(module)
    *classes, last = name.split(".")
    for part in classes:
        holder = getattr(holder, part)
    getattr(holder, last)
    return holder, last


def _probe_cost() -> tuple[float, float]:
    """Seconds that a probe adds to its own step, and to the step around it."""
    watch = Watch()
    inner = watch.around("inner", max)

    def many() -> None:
        for _ in range(100_000):
            inner(1, 2)

    watch.around("outer", many)()
    return watch.seconds["inner"] / 100_000, watch.seconds["outer"] / 100_000


def _child(app: Any) -> Any:
    """A child of a one-process worker in this process, which ends when its queue is empty."""
    from umbel.ids import nonce
    from umbel.worker.child import Child
    from umbel.worker.options import WorkerOptions
    from umbel.worker.page import Page

    options = WorkerOptions(hostname="profile@localhost")
    page = Page(1, options.function_slots + options.coroutine_slots)
    row = page.row(0)
    row.reset(nonce())
    ours, theirs = socket.socketpair()
    child = Child(app, options, row, theirs)
    child._supervisor = ours  # kept open: its end would end the process

    def no_rest(*_: Any) -> None:
        child.stopping.set()

    child._rest = no_rest
    return child


def drain(app: Any, count: int, around: Any = None) -> tuple[float, float]:
    """Send `count` no-ops and let a child run them; returns its wall and CPU seconds.

    Raises:
        AssertionError: a result is missing.
    """
    from benchmarks.callers.umbel import Caller

    caller = Caller()
    ids = caller.many("noop", range(count))
    child = _child(app)
    child.open()
    wall, cpu = time.perf_counter(), time.process_time()
    if around is None:
        child.loop()
    else:
        around.runcall(child.loop)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    child.close()
    found = sum(len(caller.results(ids[at : at + 500])) for at in range(0, count, 500))
    if found != count:
        raise AssertionError(f"{found} results for {count} tasks")
    return spent


def _table(watch: Watch, probed: float, count: int, true: float) -> list[str]:
    own, around = _probe_cost()
    rest = probed
    rows = []
    for step, seconds in watch.seconds.items():
        rest -= seconds
        rows.append((step, max(0.0, seconds - watch.calls[step] * own), watch.calls[step]))
    rest = max(0.0, rest - around * sum(watch.calls.values()))
    rows.append(("the loop, and between the steps", rest, 0))
    known = sum(row[1] for row in rows)
    lines = ["| step | us a task | share | calls a task |", "|---|---|---|---|"]
    for step, seconds, calls in sorted(rows, key=lambda row: -row[1]):
        lines.append(f"| {step} | {seconds / count * 1e6:.2f} | {seconds / known:.1%} | {calls / count:.3f} |")
    lines.append(f"| all steps (as it is, without probes: {true / count * 1e6:.2f}) | {known / count * 1e6:.2f} | | |")
    return lines


def main(store: str, count: int) -> int:
    """Print the shares and the functions; 0."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-profile-"))
        os.environ["BENCH_FOLDER"] = folder
        if store == "redis":
            os.environ["BENCH_REDIS"] = stack.enter_context(redis_server(Path(folder)))[0]
        work.mark()
        watch = Watch()
        from benchmarks.apps.umbel_app import app

        drain(app, 1_000)
        true, cpu = min(drain(app, count) for _ in range(3))
        each = true / count * 1e6
        print(f"one child, {count} no-ops: {count / true:,.0f} tasks/s, {each:.2f} us a task, CPU {cpu / true:.0%}")
        profiler = cProfile.Profile()
        drain(app, count, profiler)
        for step, path in PROBES[store]:
            holder, name = place(path)
            setattr(holder, name, watch.around(step, getattr(holder, name)))
        _rebind(app, work.noop)
        print("\n".join(_table(*_best_of_three(app, count, watch), count, true)))
        print(f"\ncProfile, {Path(folder).name} (it makes Python calls dearer than C):")
        pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(25)
    return 0


def _best_of_three(app: Any, count: int, watch: Watch) -> tuple[Watch, float]:
    """The quickest of three probed drains: the one that the rest of the machine disturbed least."""
    found = []
    for _ in range(3):
        watch.reset()
        wall, _ = drain(app, count)
        found.append((wall, watch.copy()))
    wall, best = min(found, key=lambda one: one[0])
    return best, wall


def _rebind(app: Any, watched: Any) -> None:
    """Put the watched function where the task keeps its own."""
    task = next(task for name, task in app.tasks.items() if name.endswith(".noop"))
    task.run = watched
