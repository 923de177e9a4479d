"""The handles: what bootsteps and receivers of signals have of a worker, by Celery's names.

    Worker      app hostname pool timer autoscaler options consumer    what Celery calls the WorkController
    Consumer    app hostname pool timer controller event_dispatcher connection

Both are in the supervisor. There is no hub, no task_consumer, no qos and no gossip: each child consumes for itself, and
what is not there is None, as where Celery has not got it yet.
"""

from __future__ import annotations

import logging
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..bootsteps import Blueprint
from ..utils.timer import Timer

if TYPE_CHECKING:
    from ..app import Umbel
    from .autoscale import Autoscaler
    from .levers import Levers
    from .options import WorkerOptions
    from .stopping import Stop

logger = logging.getLogger("umbel.worker")


class Worker:
    """A worker.

    Args:
        app: the application.
        options: what was asked for.
        words: the options of the command line as they were written, `app.user_options` among them; each is an
            attribute too.
        levers: of its pool.
        stop: its shutdown.

    Attributes:
        pool: its processes or threads: ``num_processes``, ``grow(n)``, ``shrink(n)``, ``restart()``.
        timer: calls functions later.
        autoscaler: what lets its pool follow its work, None for a pool that does not.
        consumer: what consumes.
        steps: its bootsteps that are started and stopped; all of them are in ``blueprint``.
    """

    hub = semaphore = None
    autoscaler: Autoscaler | None = None

    def __init__(
        self, app: Umbel, options: WorkerOptions, words: dict[str, Any], levers: Levers, stop: Stop
    ) -> None:  # fmt: skip
        self.app = app
        self.hostname = options.hostname
        self.concurrency = options.concurrency
        self.task_events = options.task_events
        self.queues = options.queues
        self.options = words
        self.pool = levers
        self.timer = Timer()
        self.pid = os.getpid()
        self.steps: list[Any] = []
        self.blueprint = Blueprint(app.steps["worker"], name="Worker")
        self.consumer = Consumer(self)
        self._stop = stop

    @property
    def exitcode(self) -> int | None:
        """With which it will end, None while nobody has asked it to."""
        return self._stop.code if self._stop.requested else None

    def stop(self, in_sighandler: bool = False, exitcode: int | None = None) -> None:
        """Begin a warm shutdown."""
        self._stop.end(exitcode)

    def terminate(self, in_sighandler: bool = False) -> None:
        """Begin a shutdown without the grace period."""
        self._stop.request(now=True)

    def info(self) -> dict[str, Any]:
        """What its bootsteps say of themselves; nothing when one of them fails in it."""
        try:
            return {**self.blueprint.info(self), **self.consumer.blueprint.info(self.consumer)}
        except Exception as error:
            logger.warning("A bootstep failed in info(): %r", error)
            return {}

    def __getattr__(self, name: str) -> Any:
        words = self.__dict__.get("options") or {}
        if name in words:
            return words[name]
        raise AttributeError(f"a worker has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<Worker: {self.hostname}>"


class Consumer:
    """What consumes, as a whole.

    Args:
        worker: of which it is a part.

    Attributes:
        controller: the worker.
        pool, timer: the worker's.
    """

    hub = qos = gossip = task_consumer = None

    def __init__(self, worker: Worker) -> None:
        self.app = worker.app
        self.hostname = worker.hostname
        self.controller = worker
        self.pool = worker.pool
        self.timer = worker.timer
        self.pid = worker.pid
        self.steps: list[Any] = []
        self.blueprint = Blueprint(worker.app.steps["consumer"], name="Consumer")

    @cached_property
    def event_dispatcher(self) -> Any:
        """Sends events in the worker's name."""
        return self.app.events.Dispatcher(hostname=self.hostname)

    @cached_property
    def connection(self) -> Any:
        """Which broker it is, and which errors that one raises; nothing goes through it, and it has no channels."""
        return self.app.connection_for_read()

    def add_task_queue(
        self, queue: str, exchange: str | None = None, exchange_type: str | None = None, routing_key: str | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        """Consume a queue too; what it is bound to stands in `task_queues`."""
        self.pool.consume(queue)

    def cancel_task_queue(self, queue: str) -> None:
        """Consume a queue no more."""
        self.pool.leave(queue)

    def __repr__(self) -> str:
        return f"<Consumer: {self.hostname} ({self.blueprint.human_state()})>"
