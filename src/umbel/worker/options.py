"""What one `umbel worker` was asked for, after settings and command line were merged."""

from __future__ import annotations

from typing import Any

import msgspec

PRESETS = {
    "process": "process", "prefork": "process", "processes": "process",
    "thread": "thread", "threads": "thread", "gevent": "thread", "eventlet": "thread",
    "asyncio": "asyncio", "solo": "solo",
}  # fmt: skip
"""Pool names that `-P` accepts, Celery's among them, and the preset each stands for."""


SPARE = 32
"""Processes or threads that a pool may grow by while it runs."""


FREQUENCY = 2.0
"""Seconds between two heartbeats for those who watch, unless another number is asked for."""


class Beginning(msgspec.Struct, frozen=True):
    """A worker before it is put together, as receivers of `celeryd_init` see it.

    Attributes:
        hostname: node name.
        app: the application.
    """

    hostname: str
    app: Any


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes:
    hostname: node name, ``name@host``.
    pool: preset, one of process, thread, asyncio, solo.
    concurrency: `-c`, at least 1: children (process), threads, or coroutines.
    autoscale: most and fewest processes or threads, between which their number follows the work; None: it stays.
    queues: names to consume, in order.
    time_limit, soft_time_limit: seconds for tasks that name none; None: no limit.
    max_tasks_per_child: tasks after which a child is replaced; None: never.
    max_memory_per_child: KiB resident after which a child is replaced; None: never.
    grace: seconds that running tasks get after SIGTERM; inf: without limit.
    soft_shutdown: seconds that running tasks get after a second signal or SIGQUIT, within the grace period.
    alive_timeout: seconds in which a child must be ready, or it is killed and replaced; 0: without limit.
    async_concurrency: coroutines that one child of a process or thread pool runs at the same time.
    prefetch_multiplier: caps the messages held to this many a slot; 0: no cap beyond umbel's own.
    start_method: "fork" or "spawn".
    app_path: how to import the app again in a spawned child, as for `-A`.
    include: modules to import with it, beside those of the settings.
    overrides: settings of the command line, as `conf.overrides` takes them.
    task_events: events about tasks are sent from the start.
    heartbeat: seconds between two heartbeats for those who watch; 0: none.
    heartbeat_file: path that is touched while the worker is healthy; None: none.
    """

    hostname: str
    pool: str = "process"
    concurrency: int = 1
    autoscale: tuple[int, int] | None = None
    queues: tuple[str, ...] = ("celery",)
    time_limit: float | None = None
    soft_time_limit: float | None = None
    max_tasks_per_child: int | None = None
    max_memory_per_child: int | None = None
    grace: float = 25.0
    soft_shutdown: float = 0.0
    alive_timeout: float = 60.0
    async_concurrency: int = 500
    prefetch_multiplier: int = 0
    start_method: str = "fork"
    task_events: bool = False
    heartbeat: float = FREQUENCY
    heartbeat_file: str | None = None
    app_path: str = ""
    include: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """What listings show of a worker."""
        return {"pool": self.pool, "queues": list(self.queues), "concurrency": self.concurrency}

    @property
    def rows(self) -> int:
        """Rows of the shared page: a replacement starts while the old child drains, and a pool may grow."""
        return (self.most if self.pool == "process" else self.children + SPARE) * 2 + 2

    @property
    def most(self) -> int:
        """Processes or threads that it may come to while it runs, by remote control or by itself."""
        return max(self.concurrency, self.autoscale[0] if self.autoscale else 0) + SPARE

    @property
    def slots(self) -> int:
        """Functions and coroutines that one child may come to run at the same time."""
        return self.function_most + self.coroutine_slots

    @property
    def children(self) -> int:
        """Number of child processes."""
        return self.concurrency if self.pool == "process" else 1

    @property
    def function_most(self) -> int:
        """Functions that one child may come to run at the same time."""
        return self.most if self.pool == "thread" else self.function_slots

    @property
    def function_slots(self) -> int:
        """Functions that one child runs at the same time, at its start."""
        if self.pool == "thread":
            return self.concurrency
        return min(32, self.concurrency) if self.pool == "asyncio" else 1

    @property
    def coroutine_slots(self) -> int:
        """Coroutines that one child runs at the same time."""
        return self.concurrency if self.pool == "asyncio" else self.async_concurrency

    @property
    def function_pool(self) -> str:
        """Name of the executor that runs functions."""
        return "inline" if self.pool in ("process", "solo") else "thread"
