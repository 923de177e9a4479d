"""The contestants: how each one's worker is started, with which server, and how much work it gets."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Died, Process

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Contestant:
    """One system.

    Attributes:
        name: as in `--only` and in the reports.
        title: for people.
        worker: argv of a two-process worker; ``{folder}`` is the folder of its store, ``{name}`` its own name.
        caller: class of its client's side, as "module:class".
        packages: distributions whose versions the report names.
        share: how much of a measure's work it gets, because it is that much slower (rates do not depend on it).
        redis: it needs a Redis server.
        keeps: it claims to give back the work of a killed worker.
        few: measures that it takes part in, None: all.
    """

    name: str
    title: str
    worker: tuple[str, ...]
    caller: str
    packages: tuple[str, ...]
    share: float = 1.0
    redis: bool = False
    keeps: bool = False
    few: frozenset[str] | None = None
    note: str = field(default="", compare=False)

    def argv(self, folder: Path, name: str) -> list[str]:
        return [word.format(folder=folder, name=name) for word in self.worker]

    @contextlib.contextmanager
    def service(self, folder: Path) -> Iterator[dict[str, str]]:
        """Start what it needs beside its worker; yields the environment that names it."""
        if not self.redis:
            yield {}
            return
        with redis_server(folder) as url:
            yield {"BENCH_REDIS": url}


UMBEL = Contestant(
    "umbel",
    "umbel, SQLite",
    (
        str(BIN / "umbel"),
        "-A",
        "benchmarks.apps.umbel_app",
        "worker",
        "-P",
        "process",
        "-c",
        "2",
        "-n",
        "{name}@%h",
        "-l",
        "WARNING",
    ),
    "benchmarks.callers.umbel:Caller",
    ("umbel", "apsw", "msgspec"),
    keeps=True,
    note="shipped defaults",
)
HUEY = Contestant(
    "huey",
    "Huey, SQLite",
    (sys.executable, str(BIN / "huey_consumer"), "benchmarks.apps.huey_app.huey", "-w", "2", "-k", "process", "-q"),
    "benchmarks.callers.huey:Caller",
    ("huey",),
    share=0.1,
    note="process workers; fsync=False (synchronous OFF), its fastest, where umbel and the bare loop run NORMAL",
)
CELERY = Contestant(
    "celery",
    "Celery prefork, Redis",
    (sys.executable, "-m", "celery", "-A", "benchmarks.apps.celery_app", "worker", "-P", "prefork", "-c", "2",
     "-n", "{name}@%h", "-l", "WARNING"),
    "benchmarks.callers.celery:Caller",
    ("celery", "kombu", "redis", "hiredis"),
    share=0.02,
    redis=True,
    note="shipped defaults; Redis on the same two cores",
)  # fmt: skip
BARE = Contestant(
    "bare",
    "bare SQLite loop",
    (sys.executable, "-m", "benchmarks.bare", "{folder}/bare.db", "2"),
    "benchmarks.callers.bare:Caller",
    ("apsw", "msgspec"),
    few=frozenset({"drain", "enqueue"}),
    note="the same library, pragmas, messages, leases and results; no features",
)

ALL = {contestant.name: contestant for contestant in (UMBEL, HUEY, CELERY, BARE)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A Redis server of our own on a free port, without persistence; ended by pid."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit(
            "Celery needs redis-server: apt-get install -y redis-server, or leave it out with --only umbel,huey,bare"
        )
    argv = [program, "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no", "--port"]
    port, server = _started(argv, folder / "redis.log")
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.stop()


def _started(argv: list[str], log: Path) -> tuple[int, Process]:
    """The server on a free port; somebody else may take it between our look and its bind, so there are three tries."""
    for left in (2, 1, 0):
        port = _free_port()
        server = Process([*argv, str(port)], {}, log)
        try:
            _await_port(server, port)
            return port, server
        except Died:
            if not left:
                raise
    raise AssertionError("the last try returned or raised")


def _await_port(server: Process, port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        server.check()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > deadline:
            server.stop()
            raise TimeoutError("redis-server did not open its port within 10 s")
        time.sleep(0.02)
