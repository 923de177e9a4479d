"""The levers: what remote control changes in a running worker, and how its children come to know it.

    children    how many there are to be (`Supervisor` starts those that are missing)
    threads     how many functions the one child of a pool of threads runs at once
    queues      what all of them consume
    tasks       limits of time and rate, by task name

What was changed is told to each child by its control pipe, whole each time, and to each one that is born later. Nothing
of it outlives the worker.
"""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from ..pacing import Paced
from .brood import LEAVE
from .page import BUSY
from .rates import CLUSTER, scope

if TYPE_CHECKING:
    from ..app import Umbel
    from .brood import Brood, Ward
    from .options import WorkerOptions
    from .page import Page

logger = logging.getLogger("umbel.worker")


class Changes(msgspec.Struct):
    """An order to a child, as one line of JSON.

    Attributes:
        queues: what it consumes.
        tasks: task name -> attributes that are set on the task.
        threads: functions that it runs at once in a pool of threads; 0: as at its start.
    """

    queues: tuple[str, ...]
    tasks: dict[str, dict[str, Any]] = {}
    threads: int = 0

    def line(self) -> str:
        return msgspec.json.encode(self).decode()


class Levers:
    """One supervisor's.

    Args:
        app: the application.
        options: what the worker was asked for.
        brood: its children.
        page: the shared page.
    """

    def __init__(self, app: Umbel, options: WorkerOptions, brood: Brood, page: Page) -> None:
        self.children = options.children
        self.threads = options.function_slots if options.pool == "thread" else 0
        self.queues = options.queues
        self._app = app
        self._options = options
        self._brood = brood
        self._page = page
        self._tasks: dict[str, dict[str, Any]] = {}

    def greet(self, ward: Ward) -> None:
        """Tell a child that was just born what is not as it was at the start."""
        if self._tasks or self.queues != self._options.queues or self.threads not in (0, self._options.function_slots):
            ward.tell(self._changes())

    def _changes(self) -> str:
        return Changes(self.queues, self._tasks, self.threads).line()

    @property
    def num_processes(self) -> int:
        """How many processes or threads there are to be."""
        return self.threads if self._options.pool == "thread" else self.children

    @property
    def most(self) -> int:
        """How many there may be."""
        return self._options.most

    def demand(self) -> int:
        """How many are busy; with the messages that wait, when all are and there may be more of them."""
        threads = self._options.pool == "thread"
        busy = self._brood.active if threads else self._brood.busy_children()
        if busy < self.num_processes or busy >= self.most:
            return busy
        with closing(self._app.broker.shelf()) as shelf:
            return busy + sum(count.ready for count in shelf.counts() if count.queue in self.queues)

    def grow(self, n: int) -> None:
        """So many processes or threads more.

        Raises:
            ValueError: it is a pool of another kind, or has no room.
        """
        if n < 1 or self.num_processes + n > self.most:
            raise ValueError(f"The pool has {self._counted()} and may grow to {self.most}.")
        self._resize(self.num_processes + n)

    def shrink(self, n: int) -> None:
        """So many processes or threads less: those that run nothing first, the others when they have finished.

        Raises:
            ValueError: it is a pool of another kind, or none would be left.
        """
        if n < 1 or n >= self.num_processes:
            raise ValueError(f"The pool has {self._counted()}, of which one stays.")
        self._resize(self.num_processes - n)

    def _counted(self) -> str:
        return f"{self.num_processes} {'threads' if self._options.pool == 'thread' else 'processes'}"

    def _resize(self, size: int) -> None:
        if self._options.pool not in ("process", "thread"):
            raise ValueError(f"A pool of the kind {self._options.pool} has a fixed size; process and thread have not.")
        logger.info("The pool goes from %s to %d", self._counted(), size)
        if self._options.pool == "thread":
            self.threads = size
            self._tell()
        else:
            self.children = size
            self.trim()

    def trim(self) -> None:
        """Let those go that are too many: also who was still being born when the pool was made smaller."""
        surplus = len(self._brood.working()) - self.children
        if surplus > 0:
            self._let_go(surplus)

    def restart(self) -> None:
        """A new process for each one, which ends when what it runs is over."""
        self._let_go(len(self._brood.wards))

    def _let_go(self, count: int) -> None:
        def busy(ward: Ward) -> tuple[int, int]:
            return len(ward.row.running()), ward.row.get(BUSY)

        for ward in sorted(self._brood.working(), key=busy)[:count]:
            ward.retiring = True
            ward.say(LEAVE)

    def consume(self, queue: str) -> None:
        """Consume this queue too."""
        name = self._app.declared.consumable(queue).name
        if name not in self.queues:
            self.queues = (*self.queues, name)
            self._tell()

    def leave(self, queue: str) -> None:
        """Consume it no more."""
        name = self._app.declared.unalias(queue)
        self.queues = tuple(each for each in self.queues if each != name)
        self._tell()

    def limit(self, task: str, **values: Any) -> None:
        """Set attributes of a task: ``rate_limit``, ``time_limit``, ``soft_time_limit``.

        Raises:
            KeyError: no such task is known here.
        """
        known = self._app.tasks[task]
        for name, value in values.items():
            setattr(known, name, value)
        self._tasks[task] = {**self._tasks.get(task, {}), **values}
        if "rate_limit" in values:
            self._page.rates.reset(task)
            broker = self._app.broker
            if isinstance(broker, Paced) and scope(known, self._app.conf) == CLUSTER:
                with closing(broker.pacer()) as pacer:
                    pacer.reset(task)
        self._tell()

    def _tell(self) -> None:
        line = self._changes()
        for ward in self._brood.wards.values():
            ward.tell(line)
