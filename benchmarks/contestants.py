"""The contestants: how each one's worker is started, with which server, and how much work it gets."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.servers import rabbitmq_server, redis_server

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Service:
    """What stands beside a worker.

    Attributes:
        env: the environment that names it.
        server: pid of the server that has the messages, 0 without one.
    """

    env: dict[str, str]
    server: int = 0


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
        rabbitmq: it needs a RabbitMQ node, for its messages; results are in Redis then.
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
    rabbitmq: bool = False
    keeps: bool = False
    few: frozenset[str] | None = None
    note: str = field(default="", compare=False)

    def argv(self, folder: Path, name: str) -> list[str]:
        return [word.format(folder=folder, name=name) for word in self.worker]

    @contextlib.contextmanager
    def service(self, folder: Path) -> Iterator[Service]:
        """Start what it needs beside its worker."""
        if not self.redis:
            yield Service({})
            return
        with contextlib.ExitStack() as stack:
            url, server = stack.enter_context(redis_server(folder))
            env = {"BENCH_REDIS": url}
            if self.rabbitmq:
                env["BENCH_RABBITMQ"], server = stack.enter_context(rabbitmq_server(folder))
            yield Service({**env, "BENCH_SERVER": str(server)}, server)


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

SQLITE = {contestant.name: contestant for contestant in (UMBEL, HUEY, CELERY, BARE)}

PEERS_DO = frozenset({"drain", "enqueue", "latency", "memory", "recovery", "pause", "long", "mix"})

REDIS = {
    contestant.name: contestant
    for contestant in (
        replace(UMBEL, title="umbel", redis=True, packages=("umbel", "hiredis", "msgspec")),
        replace(CELERY, title="Celery prefork", note="shipped defaults"),
        replace(
            CELERY,
            name="threads",
            title="Celery threads",
            worker=tuple("threads" if word == "prefork" else word for word in CELERY.worker),
            few=frozenset({"drain", "latency", "memory", "pause", "long", "mix"}),
            note="one process with two threads",
        ),
        replace(HUEY, title="Huey", redis=True, share=0.05, note="two process workers; results in one hash"),
        Contestant(
            "dramatiq",
            "Dramatiq",
            (sys.executable, "-m", "dramatiq", "benchmarks.apps.dramatiq_app", "-p", "2", "-t", "1"),
            "benchmarks.callers.dramatiq:Caller",
            ("dramatiq", "redis"),
            share=0.03,
            redis=True,
            few=PEERS_DO,
            note="two processes of one thread, the results middleware with its Redis backend",
        ),
        Contestant(
            "taskiq",
            "TaskIQ",
            (str(BIN / "taskiq"), "worker", "benchmarks.apps.taskiq_app:broker", "-w", "2",
             "--max-threadpool-threads", "1", "--log-level", "WARNING"),
            "benchmarks.callers.taskiq:Caller",
            ("taskiq", "taskiq-redis"),
            share=0.03,
            redis=True,
            few=PEERS_DO,
            note="two processes, functions in a thread of each; a list as queue (a stream is slower), results by id",
        ),
        Contestant(
            "bare",
            "bare Redis loop",
            (sys.executable, "-m", "benchmarks.bare_redis", "2"),
            "benchmarks.callers.bare_redis:Caller",
            ("hiredis", "msgspec"),
            redis=True,
            few=frozenset({"drain", "enqueue"}),
            note="the same library, messages, leases and results; no features",
        ),
    )
}  # fmt: skip

BOTH = "messages in RabbitMQ, results in Redis"
RABBITMQ = {
    contestant.name: contestant
    for contestant in (
        replace(REDIS["umbel"], rabbitmq=True, packages=("umbel", "pika", "hiredis", "msgspec"), note=BOTH),
        replace(REDIS["celery"], rabbitmq=True, packages=("celery", "kombu", "amqp", "redis"), note=BOTH),
        replace(REDIS["dramatiq"], rabbitmq=True, packages=("dramatiq", "pika", "redis"), note=BOTH),
        Contestant(
            "bare",
            "bare pika loop",
            (sys.executable, "-m", "benchmarks.bare_rabbitmq", "2"),
            "benchmarks.callers.bare_rabbitmq:Caller",
            ("pika", "hiredis", "msgspec"),
            redis=True,
            rabbitmq=True,
            few=frozenset({"drain", "enqueue"}),
            note="the same library, messages and results, confirms and acknowledgements in windows; no features",
        ),
    )
}
