"""A child: claims, runs and settles for itself. No task crosses a pipe.

    main thread   the loop: settle what is finished + claim what is next (one call), run or hand over, again
    keeper        (keeper.py) its own connection; acts while one task runs long, watches limits, obeys the supervisor
    pools         inline: the loop itself; thread, asyncio: their own threads, which only put outcomes on the queue

The loop settles at task boundaries: when the oldest outcome is older than 4 ms, and before a task that is not known
to be short. A child ends when it was told to stop, was declared dead, or has run its share, and nothing of it is
unsettled.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Final, NoReturn

from .. import clock, loading, signals
from ..broker import Control, Owner, Turn
from ..exceptions import UmbelError
from ..outcome import Hold, Release
from ..pool import Pool
from . import logs
from .attempt import Attempt
from .channels import Outcomes, Posting, RunQueue
from .desk import Desk
from .fetcher import Fetcher
from .keeper import Keeper
from .pace import Pace
from .page import BUSY, DRAINING, FINISHED, HELD, NONCE, READY, STATE, Row
from .revoked import Revoked
from .runner import Runner
from .settler import UNSETTLED_MOST, Settler

if TYPE_CHECKING:
    from ..app import Umbel
    from .options import WorkerOptions

logger = logging.getLogger("umbel.worker")

FLUSH: Final = 0.004
"""Seconds that a finished outcome may wait for company."""

IDLE: Final = 2.0
"""Longest sleep of an idle child, seconds; the guarantee behind the wake-up, not the wake-up."""


class Child:
    """One child process.

    Args:
        app: the application, imported before the fork.
        options: the worker's.
        row: this child's row of the shared page; the supervisor wrote the owner's nonce there.
        pipe: control pipe to the supervisor.
    """

    def __init__(self, app: Umbel, options: WorkerOptions, row: Row, pipe: socket.socket) -> None:
        self.app = app
        self.options = options
        self.row = row
        self.owner = Owner(row.get(NONCE), options.hostname, os.getpid(), "child", clock.wall(), _info(options))
        self.outcomes = Outcomes()
        self.runqueue = RunQueue()
        self.revoked = Revoked()
        self.pace = Pace()
        self.fetcher = Fetcher(options, self.pace)
        self.desk = Desk(app, options, row)
        self.runner = Runner(self.desk, self.revoked)
        self.stopping = threading.Event()
        self.inline = options.function_pool == "inline"
        self.functions: Pool = self._open_pool(options.function_pool, options.function_slots)
        self.coroutines: Pool | None = None
        self.keeper = Keeper(self, pipe)
        self._control: Control | None = None
        self._started = 0
        self._pause = 0.1

    def _open_pool(self, name: str, size: int) -> Pool:
        outcomes = self.outcomes if name == "inline" else Posting(self.outcomes)
        return loading.pool_factory(name)(outcomes, size)

    def main(self) -> int:
        """Run until the end of this life; returns the exit code."""
        try:
            self.open()
        except UmbelError as error:
            logger.error("A child cannot start: %s", error)
            return os.EX_TEMPFAIL
        signals.worker_process_init.send(sender=self.options.hostname)
        self.row.put(STATE, READY)
        self.keeper.say("ready")
        self.loop()
        self.row.put(STATE, DRAINING)
        signals.worker_process_shutdown.send(sender=self.options.hostname, pid=os.getpid(), exitcode=0)
        self.close()
        return 0

    def open(self) -> None:
        """Become an owner that can claim; raises `UmbelError` when the store cannot be had."""
        self.keeper.start()
        self.keeper.ready.wait()
        if self.keeper.failure is not None:
            raise self.keeper.failure
        self.settler = Settler(self.app, self.owner, self.outcomes)

    def close(self) -> None:
        """The clean end: pools, then connections, then ownership."""
        self.functions.close(0.5)
        if self.coroutines is not None:
            self.coroutines.close(0.5)
        self.settler.close()
        self.keeper.finish()

    def loop(self) -> None:
        """Settle and claim, work, sleep; until there is nothing left to do and no more is wanted."""
        while not self._over():
            outcomes = self.outcomes.take()
            want = None if self._sated() else self.fetcher.want(*self._free())
            if want is not None and self.options.max_tasks_per_child:
                want = type(want)(want.queues, min(want.limit, self.options.max_tasks_per_child - self._started))
            if not outcomes and want is None:
                self._rest(0.0)
                continue
            turn = self.settler.turn(outcomes, want)
            if turn is None:
                self._back_off()
                continue
            self._pause = 0.1
            if turn.revision > self.revoked.revision:
                self._learn()
            if turn.deliveries:
                self._work(turn)
            elif not self.outcomes:
                self._rest(turn.next_due)

    def _work(self, turn: Turn) -> None:
        """Run or hand over everything that was claimed; the keeper may take what has not started."""
        self.row.put(BUSY, 1)
        if self.keeper.dozing:
            self.keeper.wake.ring()
        queue = self.runqueue
        queue.extend(turn.deliveries)
        begin = now = oldest = clock.monotonic()
        count = 0
        while (delivery := queue.next()) is not None:
            if self.stopping.is_set():
                self.outcomes.put(Release(delivery))
                continue
            prepared = self.runner.prepare(delivery)
            count += 1
            if isinstance(prepared, Attempt):
                now = self._start(prepared)
            else:
                self.outcomes.put(prepared)
            if now - oldest > FLUSH and self.outcomes:
                self._settle()
                oldest = clock.monotonic()
        self._started += count
        self.row.put(FINISHED, self._started)
        self.pace.worked(count, now - begin)

    def _start(self, attempt: Attempt) -> float:
        """Start one attempt; returns the monotonic time afterwards."""
        plan = attempt.plan
        pool = self._coroutine_pool() if attempt.is_async else self.functions
        if not pool.free():
            self.outcomes.put(Release(attempt.delivery))
            self.fetcher.pause(attempt.delivery.queue, attempt.is_async)
            return clock.monotonic()
        here = self.inline and not attempt.is_async
        if here and self.outcomes and not self.pace.short(plan.name):
            self._settle()
        if plan.early or plan.track:
            self._announce(attempt)
        pool.submit(attempt)
        if not here:
            return clock.monotonic()
        self.pace.measured(plan.name, attempt.runtime)
        return attempt.stopped

    def _announce(self, attempt: Attempt) -> None:
        """What the store must know before the function starts: early acknowledgement, STARTED."""
        if attempt.plan.early:
            self.settler.turn([Hold(attempt.delivery)], None)
        if attempt.plan.track and self.desk.keeps(attempt.plan, attempt.request):
            meta = b'{"pid":%d,"hostname":"%s"}' % (os.getpid(), self.options.hostname.encode())
            self.settler.tell(self.desk.record("STARTED", meta, attempt.request))

    def _settle(self) -> None:
        self.settler.turn(self.outcomes.take(), None)

    def _coroutine_pool(self) -> Pool:
        if self.coroutines is None:
            self.coroutines = self._open_pool("asyncio", self.options.coroutine_slots)
        return self.coroutines

    def _free(self) -> tuple[int, int, bool]:
        coroutines = self.coroutines.free() if self.coroutines is not None else self.options.coroutine_slots
        return self.functions.free(), coroutines, self.inline

    def _sated(self) -> bool:
        """Whether this child must not claim now."""
        share = self.options.max_tasks_per_child
        memory = self.options.max_memory_per_child
        if self.settler.refused or (share and self._started >= share) or (memory and _resident() > memory):
            self.stopping.set()
        return self.stopping.is_set() or len(self.outcomes) >= UNSETTLED_MOST

    def _over(self) -> bool:
        return self.stopping.is_set() and not (self.outcomes or self.runqueue or self._busy())

    def _busy(self) -> bool:
        functions = self.functions.free() < self.options.function_slots and not self.inline
        coroutines = self.coroutines is not None and self.coroutines.free() < self.options.coroutine_slots
        return functions or coroutines

    def _learn(self) -> None:
        if self._control is None:
            self._control = self.app.broker.control()
        self.revoked.learn(*self._control.revoked(self.revoked.revision))

    def _rest(self, next_due: float) -> None:
        """Sleep until there may be work, an outcome comes from a pool, or the next delayed message is due."""
        timeout = IDLE
        if next_due:
            timeout = min(IDLE, max(0.0, next_due - clock.wall()))
        self.row.put(BUSY, 0)
        self.row.put(HELD, 0)
        self.outcomes.sleeping = True
        functions, coroutines, _ = self._free()
        queues = self.options.queues if (functions or coroutines) and not self.stopping.is_set() else ()
        if not self.outcomes and not (self.stopping.is_set() and not self._busy()):
            self.settler.consumer.wait(queues, timeout, self.outcomes.wake.fd)
        self.outcomes.sleeping = False
        self.outcomes.wake.clear()

    def _back_off(self) -> None:
        """The store does not answer: wait a little longer each time; running tasks go on."""
        self.stopping.wait(self._pause)
        self._pause = min(2.0, self._pause * 2)


def _resident() -> int:
    """Highest resident size so far, KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def _info(options: WorkerOptions) -> dict[str, object]:
    return {"pool": options.pool, "queues": list(options.queues), "concurrency": options.concurrency}


def run(app: Umbel, options: WorkerOptions, row: Row, pipe: socket.socket, number: int) -> NoReturn:
    """The life of a freshly forked child, from its first instruction to its exit."""
    code = os.EX_SOFTWARE
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.setswitchinterval(0.0005)
        logs.name_process(number)
        app.after_fork()
        code = Child(app, options, row, pipe).main()
    except BaseException:  # the last word of a process: nobody above it could report this
        logger.critical("A child ended by an error of its own", exc_info=True)
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
