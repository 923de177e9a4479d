"""The levers: what remote control changes in a running worker, and how its children come to know it.

    children    how many there are to be (`Supervisor` starts those that are missing)
    queues      what all of them consume
    tasks       limits of time and rate, by task name

What was changed is told to each child by its control pipe, whole each time, and to each one that is born later. Nothing
of it outlives the worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .options import SPARE

if TYPE_CHECKING:
    from ..app import Umbel
    from .brood import Brood, Ward
    from .options import WorkerOptions
    from .page import Page


class Changes(msgspec.Struct):
    """An order to a child, as one line of JSON.

    Attributes:
        queues: what it consumes.
        tasks: task name -> attributes that are set on the task.
    """

    queues: tuple[str, ...]
    tasks: dict[str, dict[str, Any]] = {}

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
        self.queues = options.queues
        self._app = app
        self._options = options
        self._brood = brood
        self._page = page
        self._tasks: dict[str, dict[str, Any]] = {}

    def greet(self, ward: Ward) -> None:
        """Tell a child that was just born what is not as it was at the start."""
        if self._tasks or self.queues != self._options.queues:
            ward.tell(Changes(self.queues, self._tasks).line())

    def grow(self, count: int) -> None:
        """So many processes more.

        Raises:
            ValueError: it is no pool of processes, or has no room.
        """
        self._must_be_processes()
        most = self._options.children + SPARE
        if count < 1 or self.children + count > most:
            raise ValueError(f"The pool has {self.children} processes and may grow to {most}.")
        self.children += count

    def shrink(self, count: int) -> None:
        """So many processes less: those that run nothing first, the others when they have finished.

        Raises:
            ValueError: it is no pool of processes, or none would be left.
        """
        self._must_be_processes()
        if count < 1 or count >= self.children:
            raise ValueError(f"The pool has {self.children} processes, of which one stays.")
        self.children -= count
        self._let_go(count)

    def restart(self) -> None:
        """A new process for each one, which ends when what it runs is over."""
        self._let_go(len(self._brood.wards))

    def _must_be_processes(self) -> None:
        if self._options.pool != "process":
            raise ValueError(f"A pool of the kind {self._options.pool} has a fixed size; process has not.")

    def _let_go(self, count: int) -> None:
        working = [ward for ward in self._brood.wards.values() if not ward.retiring]
        for ward in sorted(working, key=lambda ward: len(ward.row.running()))[:count]:
            ward.retiring = True
            ward.say("stop")

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
        self._tell()

    def _tell(self) -> None:
        line = Changes(self.queues, self._tasks).line()
        for ward in self._brood.wards.values():
            ward.tell(line)
