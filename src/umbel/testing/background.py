"""A worker on a thread of the test's own process, by Celery's name for it: ``celery.contrib.testing.worker``.

    with start_worker(app):
        assert add.delay(2, 3).get(timeout=10) == 5

It is `InProcessWorker` again and again; a test that asks for ``drain()`` itself needs no thread and is faster.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ..app import Umbel, shared_task
from .worker import InProcessWorker

_LOOK: Final = 0.005
"""Seconds between two looks for what is ready."""


@shared_task(name="celery.ping")
def ping() -> str:
    """Say that a worker is there; a task of every app."""
    return "pong"


@contextmanager
def start_worker(
    app: Umbel, concurrency: int = 1, pool: str = "solo", loglevel: Any = None, logfile: str | None = None,
    perform_ping_check: bool = True, ping_task_timeout: float = 10.0, shutdown_timeout: float = 10.0, **kwargs: Any,
) -> Iterator[InProcessWorker]:  # fmt: skip
    """Run a worker in this process while the block lasts.

    Args:
        app: the application.
        concurrency: tasks that it runs side by side.
        pool: "asyncio", or any other name for threads.
        perform_ping_check: wait until it has answered a ping.
        ping_task_timeout: seconds for that.
        shutdown_timeout: seconds that its end may take.
        loglevel, logfile, kwargs: accepted, Celery's; ``queues`` names queues.

    Yields:
        The worker.

    Raises:
        TimeoutError: it did not answer the ping.
    """
    queues = kwargs.get("queues") or ()
    names = tuple(queues.split(",")) if isinstance(queues, str) else tuple(queues)
    kind = "asyncio" if pool == "asyncio" else "thread"
    worker = InProcessWorker(app, queues=names, pool=kind, concurrency=concurrency)
    over, ready, failed = threading.Event(), threading.Event(), []

    def work() -> None:
        try:
            app.set_current()
            with worker:
                ready.set()
                while not over.wait(_LOOK):
                    worker.drain()
        except BaseException as error:  # told to the test, which waits on another thread
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=work, name="celery-worker", daemon=True)
    thread.start()
    try:
        ready.wait(ping_task_timeout)
        if failed:
            raise failed[0]
        if perform_ping_check:
            app.send_task("celery.ping").get(timeout=ping_task_timeout)
        yield worker
    finally:
        over.set()
        thread.join(shutdown_timeout)
