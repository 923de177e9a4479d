"""A real worker loop inside the test's own process: memory store, real claims, real attempts, real settles.

    from umbel.testing.worker import InProcessWorker

    with InProcessWorker(app) as worker:
        result = add.delay(2, 3)
        worker.drain()
        assert result.get(timeout=0) == 5

`drain` runs everything that is ready, and what becomes ready by it, on the calling thread; coroutine tasks run on their
loop as in production. With a moved clock (`umbel.testing.clock`) delayed tasks run too.
"""

from __future__ import annotations

import math
import socket
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .. import ids
from ..broker import Turn
from ..worker.child import Child
from ..worker.keeper import Keeper
from ..worker.life import Life
from ..worker.options import WorkerOptions
from ..worker.page import Page
from ..worker.run import Run

if TYPE_CHECKING:
    from ..app import Umbel


class _Idle(Exception):
    """The loop has nothing to do."""


class _Keeper(Keeper):
    """A keeper that never ends the process, which is the test's: a function past its limit is only interrupted.

    Attributes:
        looking: held while it looks, when it may have outcomes and messages in its hands.
    """

    def __init__(self, life: Life, pipe: socket.socket) -> None:
        super().__init__(life, pipe)
        self.looking = threading.Lock()

    def _watch(self, now: float) -> None:
        with self.looking:
            super()._watch(now)

    def _is_the_loop(self, attempt: Run) -> bool:
        return False

    def _leave(self) -> None:
        self._give_back()
        self._deadline = math.inf


class _Child(Child):
    """A child whose loop ends when it would sleep with nothing running."""

    keeper_type = _Keeper
    keeper: _Keeper
    _looked = False

    def _work(self, turn: Turn) -> None:
        self._looked = False
        super()._work(turn)

    def _rest(self, next_due: float) -> None:
        with self.keeper.looking:  # what it had in its hands is in the store then
            idle = not self.life.busy() and not len(self.outcomes)
        if not idle:
            self._looked = False
            super()._rest(next_due)
        elif self._looked:
            raise _Idle
        else:  # once more: a slot may have become free after it was asked what to claim
            self._looked = True


class InProcessWorker:
    """A worker in this process, on this thread.

    Args:
        app: its broker may be memory:// or any other.
        queues: names to consume; those of `task_queues`, else the default queue, when none is named.
        pool: ``solo`` runs functions on the calling thread, which must then be the main thread; ``thread`` and
            ``asyncio`` as in production.
        concurrency: slots of the pool.
    """

    def __init__(self, app: Umbel, *, queues: tuple[str, ...] = (), pool: str = "thread", concurrency: int = 1) -> None:
        self.options = WorkerOptions(
            hostname="test@localhost", pool=pool, concurrency=concurrency,
            queues=queues or app.declared.names, grace=1.0,
        )  # fmt: skip
        self._page = Page(1, self.options.slots)
        row = self._page.row(0)
        row.reset(ids.nonce())
        self._pipe, self._far = socket.socketpair()
        self.child = _Child(app, self.options, row, self._far)

    def __enter__(self) -> Self:
        self.child.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.child.stopping.set()
        self.child.close()
        self._pipe.close()
        self._far.close()

    def reload(self) -> None:
        """Nothing: tasks that were defined after its start are known, as those before it (Celery's name)."""

    def drain(self) -> None:
        """Run until nothing is ready, nothing runs and nothing is unsettled."""
        try:
            self.child.loop()
        except _Idle:
            return
