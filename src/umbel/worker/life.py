"""A life: what the loop and the keeper of one child share. Everything else belongs to one of them alone.

run queue, outcome queue    channels.py: taken from by either, each item by one
desk.running, page row      what runs now; written by the attempts, watched by the keeper
queues, threads             what is claimed from, and how many functions run at once in a pool of threads; the keeper
                            changes them when remote control or the autoscaler says so
stopping                    set once, by either: no more claims
settling                    held by the loop from taking outcomes until they are settled; the keeper ends the process
                            (a function is deaf) only when it has it
book                        claims of messages that run once (`once`)
gathering                   messages of tasks with a strategy; the loop hands over and makes batches, either gives back
desk.aside                  errbacks that nobody waits for, until the end of this life
pools                       opened by the loop; the keeper interrupts through them
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import msgspec

from .. import clock, loading
from ..broker import Owner
from ..pool import Pool
from .channels import Outcomes, Posting, RunQueue
from .desk import Desk
from .gathering import Gathering
from .levers import Changes
from .once import Book
from .page import NONCE, Row
from .revoked import Revoked

if TYPE_CHECKING:
    from ..app import Umbel
    from .options import WorkerOptions


class Life:
    """One child's life, from its fork to its end.

    Args:
        app: the application.
        options: the worker's.
        row: this child's row of the shared page; the supervisor wrote the owner's nonce there.
    """

    def __init__(self, app: Umbel, options: WorkerOptions, row: Row) -> None:
        self.app = app
        self.options = options
        self.row = row
        self.owner = Owner(row.get(NONCE), options.hostname, os.getpid(), "child", clock.wall(), options.facts())
        self.outcomes = Outcomes()
        self.runqueue = RunQueue()
        self.revoked = Revoked()
        self.desk = Desk(app, options, row)
        self.book = Book(row)
        self.desk.aside.ended = self.outcomes.wake.ring
        self.gathering = Gathering(self.desk, self.outcomes.post)
        self.queues = options.queues
        self.stopping = threading.Event()
        self.settling = threading.Lock()
        self.inline = options.function_pool == "inline"
        self.threads = options.function_slots
        self.functions = self._open_pool(options.function_pool, options.function_most)
        self.coroutines: Pool | None = None
        self._given_up = {False: 0, True: 0}  # slots of functions and of coroutines that come back no more

    def _open_pool(self, name: str, size: int) -> Pool:
        outcomes = self.outcomes if name == "inline" else Posting(self.outcomes)
        pool: Pool = loading.pool_factory(name)(outcomes, size)
        return pool

    def change(self, order: str) -> None:
        """Take over what remote control has changed: from the next claim on, and for tasks that start from now on."""
        changes = msgspec.json.decode(order, type=Changes)
        for name, values in changes.tasks.items():
            task = self.app.tasks.get(name)
            for attribute, value in values.items() if task is not None else ():
                setattr(task, attribute, value)
            self.desk.plans.pop(name, None)
        self.queues = changes.queues
        self.threads = changes.threads or self.threads
        self.outcomes.wake.ring()

    def pool_for(self, is_async: bool) -> Pool:
        """The pool of a kind of task; the one for coroutines is opened with its first task."""
        if not is_async:
            return self.functions
        if self.coroutines is None:
            self.coroutines = self._open_pool("asyncio", self.options.coroutine_slots)
        return self.coroutines

    def free(self) -> tuple[int, int]:
        """Free slots for functions and for coroutines; none of an event loop that somebody's code blocks."""
        pool, functions = self.coroutines, self.room()
        if pool is None:
            return functions, self.options.coroutine_slots
        return functions, 0 if pool.stalled(clock.monotonic()) else pool.free()

    def room(self) -> int:
        """Free slots for functions: those of the pool, without the ones that it may have later."""
        return max(0, self.functions.free() - (self.options.function_most - self.threads))

    def busy(self) -> bool:
        """Whether a pool of another thread, or a thread aside, runs something whose outcome is not put yet."""
        coroutines = self.free()[1]
        return (
            (not self.inline and self.functions.free() + self._given_up[False] < self.options.function_most)
            or coroutines + self._given_up[True] < self.options.coroutine_slots
            or self.desk.aside.busy()
        )

    def give_up(self, tag: int) -> bool:
        """Have the pool that runs it discard what it will say; False when none runs it (any more), or cannot."""
        for pool in (self.functions, self.coroutines):
            if pool is not None and pool.abandon(tag):
                self._given_up[pool is self.coroutines] += 1
                return True
        return False

    def close_pools(self, timeout: float) -> None:
        self.functions.close(timeout)
        if self.coroutines is not None:
            self.coroutines.close(timeout)
