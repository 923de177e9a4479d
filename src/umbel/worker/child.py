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
import random
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

from .. import clock, signals
from ..broker import Control, Turn, Want
from ..exceptions import UmbelError
from ..outcome import Hold, Release
from . import logs
from .again import Again
from .attempt import Attempt
from .fetcher import Fetcher
from .gathering import LATE
from .keeper import Keeper
from .life import Life
from .pace import SHORT, Pace, believed
from .page import BUSY, DRAINING, FINISHED, HELD, READY, STATE, Row
from .runner import Runner
from .settler import UNSETTLED_MOST, Settler
from .watched import Watched
from .workloop import Worker

if TYPE_CHECKING:
    from ..app import Umbel
    from .options import WorkerOptions

logger = logging.getLogger("umbel.worker")

FLUSH: Final = 0.004
"""Seconds after which finished outcomes are settled in the middle of a batch: with the settle itself, a result is there
within 5 ms of its function's return while a core is free. (3 ms would cost the drain of empty tasks 8 %.)
"""


SHARED: Final = 4
"""Children of a worker that look in turn for what nobody was woken for. Where there are more, each looks as seldom as
each of these: one that does not ask within a minute counts as cut off.
"""


class Child(Worker):
    """One child process.

    Args:
        app: the application, imported before the fork.
        options: the worker's.
        row: this child's row of the shared page; the supervisor wrote the owner's nonce there.
        pipe: control pipe to the supervisor.
    """

    keeper_type = Keeper

    def __init__(self, app: Umbel, options: WorkerOptions, row: Row, pipe: socket.socket) -> None:
        self.app = app
        self.options = options
        self.row = row
        self.life = life = Life(app, options, row)
        self.outcomes = life.outcomes
        self.stopping = life.stopping
        self.pace = Pace()
        self.fetcher = Fetcher(options, self.pace)
        self.runner = Runner(life.desk, life.revoked)
        self.again = Again(app, life.desk, life.book)
        self.keeper = self.keeper_type(life, pipe)
        self._control: Control | None = None
        self._started = 0
        self._pause = 0.1

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
        self.workloop()
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
        self.settler = Settler(self.app, self.life.owner, self.outcomes, self.life.desk.reporter, self.life.book)

    def close(self) -> None:
        """The clean end: pools, then connections, then ownership."""
        self.life.close_pools(0.5)
        gathered = self.life.gathering.give_back()
        if gathered:  # said by name: what an owner only leaves behind may look as if it had been lost
            self.settler.turn(gathered, None)
        self.settler.close()
        self.runner.line.close()
        self.keeper.finish()
        self.app.events.close()

    def loop(self) -> None:
        """Settle and claim, work, sleep; until there is nothing left to do and no more is wanted."""
        while not self._over():
            if self.life.gathering.active:
                self._tend()
            want = self._want()
            if want is None and not self.outcomes:
                self.row.answered = clock.monotonic()
                self._rest(0.0)
                continue
            with self.life.settling:
                turn = self.settler.turn(self.outcomes.take(), want)
            if turn is None:
                self._back_off()
                continue
            self.row.answered = clock.monotonic()
            if turn.revision > self.life.revoked.revision and not self._learn():
                self.outcomes.extend(map(Release, turn.deliveries))
                self._back_off()
                continue
            self._pause = 0.1
            if turn.deliveries:
                self._work(turn)
            elif want is not None and not self.outcomes:
                self._rest(turn.next_due)

    def _want(self) -> Want | None:
        """What to claim now, if anything."""
        if self._sated() or self.life.gathering.ready:
            return None
        self.fetcher.queues = self.life.queues
        want = self.fetcher.want(*self.life.free(), self.life.inline)
        if want is not None and self.options.max_tasks_per_child:
            return Want(want.queues, min(want.limit, self.options.max_tasks_per_child - self._started))
        return want

    def _work(self, turn: Turn) -> None:
        """Run or hand over everything that was claimed; the keeper may take what has not started."""
        self.row.put(BUSY, 1)
        if self.keeper.dozing:
            self.keeper.wake.ring()
        queue, prepare, stopped = self.life.runqueue, self.runner.prepare, self.stopping.is_set
        asks = self.again.asks
        deliveries = turn.deliveries
        if self.settler.once.asks:
            deliveries, others = self.settler.once.admit(deliveries)
            self.outcomes.extend(others)
        queue.extend(deliveries)
        self.runner.kind = Watched if self.life.desk.reporter.on else Attempt
        oldest = clock.monotonic()
        count, settled, inside = 0, 0, 0.0
        while (delivery := queue.next()) is not None:
            if stopped():
                self.outcomes.put(Release(delivery))
                continue
            prepared = prepare(delivery)
            if delivery.redelivered or asks:
                prepared = self.again.look(prepared)
            count += 1
            if not isinstance(prepared, Attempt):
                self.outcomes.put(prepared)
                continue
            inside += self._start(prepared)
            late = prepared.stopped - oldest
            if late > FLUSH and len(queue) * late > FLUSH / 4 * (count - settled) and self.outcomes:
                self._settle()  # unless what is left would take less than a quarter of that time
                oldest, settled = clock.monotonic(), count
        self._started += count
        self.row.put(FINISHED, self._started)
        self.pace.worked(count, inside)

    def _start(self, attempt: Attempt) -> float:
        """Start one attempt; returns the seconds inside of a function that ran here."""
        plan = attempt.plan
        if plan.gathers and self._gathered(attempt):
            return 0.0
        if not self.life.inline or attempt.is_async:
            self._hand_over(attempt)
            return 0.0
        if (plan.seconds is None or plan.seconds >= SHORT) and self.outcomes:
            self._settle()
        if (plan.early or plan.track) and not self._announce([attempt]):
            return 0.0
        self.life.functions.submit(attempt)
        plan.seconds = believed(plan.seconds, attempt.runtime)
        return attempt.runtime

    def _hand_over(self, attempt: Attempt) -> None:
        """Give an attempt to the pool of its kind; back to its place with it when that has no free slot."""
        pool = self.life.pool_for(attempt.is_async)
        free = pool.free() if attempt.is_async else self.life.room()
        if not free or pool.stalled(clock.monotonic()):
            self.outcomes.put(Release(attempt.delivery))
            self.fetcher.pause(attempt.delivery.queue, attempt.is_async)
            return
        if (attempt.plan.early or attempt.plan.track) and not self._announce([attempt]):
            return
        pool.submit(attempt)

    def _gathered(self, attempt: Attempt) -> bool:
        """Hand it to its task's strategy, and run what that wants run; False when it is to run alone after all."""
        if self.life.gathering.take(attempt) is not None:
            return False
        self._started -= 1  # it counts when it runs
        self._run_batches()
        return True

    def _run_batches(self) -> None:
        """Run what is ready of what was gathered, as far as there are slots."""
        while self.life.room() and (batch := self.life.gathering.next()) is not None:
            if self.outcomes:
                self._settle()
            plan = batch.parts[0].plan
            if (plan.early or plan.track) and not self._announce(batch.parts):
                continue
            self._started += len(batch.parts)
            self.life.functions.submit(batch)

    def _tend(self) -> None:
        """What strategies have to do between two claims; at a stop, or when no slot is free for long, they wait no
        longer: what was gathered goes back.
        """
        gathering = self.life.gathering
        gathering.turn()
        self._run_batches()
        if self.stopping.is_set() or (gathering.ready and gathering.late(clock.monotonic())):
            for outcome in gathering.give_back():
                self.outcomes.put(outcome)
                self.fetcher.pause(outcome.delivery.queue, is_async=False)
            gathering.ready.clear()

    def _announce(self, attempts: Sequence[Attempt]) -> bool:
        """What the store must know before the function starts: early acknowledgement, STARTED.

        Returns:
            False when it could not be acknowledged: the message is given back, or it might run a second time.
        """
        plan, desk = attempts[0].plan, self.life.desk
        if plan.early:
            turn = self.settler.turn([Hold(attempt.delivery) for attempt in attempts], None)
            if turn is None or turn.waiting:
                self.outcomes.extend(Release(attempt.delivery) for attempt in attempts)
                return False
        for attempt in attempts if plan.track else ():
            if desk.keeps(plan, attempt.request):
                meta = b'{"pid":%d,"hostname":"%s"}' % (os.getpid(), self.options.hostname.encode())
                self.settler.tell(desk.record("STARTED", meta, attempt.request))
        return True

    def _settle(self) -> None:
        with self.life.settling:
            self.settler.turn(self.outcomes.take(), None)

    def _sated(self) -> bool:
        """Whether this child must not claim now."""
        share = self.options.max_tasks_per_child
        memory = self.options.max_memory_per_child
        done = self._started  # a child that is too large before its first task still runs one, or none would ever run
        if self.settler.refused or (share and done >= share) or (memory and done and _resident() > memory):
            self.stopping.set()
        return self.stopping.is_set() or len(self.outcomes) >= UNSETTLED_MOST

    def _over(self) -> bool:
        return self.stopping.is_set() and not (len(self.outcomes) or self.life.runqueue or self.life.busy())

    def _learn(self) -> bool:
        """Load what was revoked meanwhile; False when the store fails: nothing may start before it is known."""
        try:
            if self._control is None:
                self._control = self.app.broker.control()
            self.life.revoked.learn(*self._control.revoked(self.life.revoked.revision))
        except UmbelError as error:
            logger.warning("What was revoked cannot be read, so nothing starts: %s", error)
            return False
        return True

    def _rest(self, next_due: float) -> None:
        """Sleep until there may be work, an outcome comes from a pool, or the next delayed message is due."""
        shared = min(SHARED, self.options.children)
        idle = self.app.broker.abilities.idle  # the guarantee behind the wake-up, not the wake-up
        if shared > 1:
            idle *= shared * random.uniform(0.75, 1.0)  # or all that were started together would look together
        timeout = idle
        if next_due:
            timeout = min(idle, max(0.0, next_due - clock.wall()))
        gathering = self.life.gathering
        if gathering.active:
            until = clock.monotonic() if gathering.ready else gathering.due - LATE  # or when no slot is free for long
            timeout = min(timeout, max(0.0, until + LATE - clock.monotonic()))
        if self.outcomes.again:
            timeout = min(timeout, max(0.0, self.outcomes.again - clock.monotonic()))
        self.row.put(BUSY, 0)
        self.row.put(HELD, 0)
        self.outcomes.sleeping = True
        functions, coroutines = self.life.free()
        queues = self.life.queues if (functions or coroutines) and not self._sated() else ()
        if not self.outcomes and not (self.stopping.is_set() and not self.life.busy()):
            self.settler.wait(queues, timeout)
        self.outcomes.sleeping = False
        self.outcomes.wake.clear()

    def _back_off(self) -> None:
        """The store does not answer: wait a little longer each time; running tasks go on."""
        self.outcomes.wake.sleep(self._pause)  # not on `stopping`, or a stop would end all pauses
        self.outcomes.wake.clear()
        self._pause = min(2.0, self._pause * 2)


def _resident() -> int:
    """Highest resident size so far, KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def _leave_stops_to_the_supervisor() -> None:
    """Be deaf to the signals that reach the whole group, but let nothing that a task starts inherit it.

    SIG_IGN would outlive fork and exec, and a task's own processes could not be terminated: `multiprocessing.Pool`
    would wait for ever at its end. A handler ends with exec, and the hook takes it back after a fork.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _deaf)
        signal.siginterrupt(number, False)
    os.register_at_fork(after_in_child=_hear_again)


def _deaf(_number: int, _frame: FrameType | None) -> None:
    """The supervisor has the same signal and says what is to be done."""


def _hear_again() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def run(app: Umbel, options: WorkerOptions, row: Row, pipe: socket.socket, number: int) -> NoReturn:
    """The life of a freshly forked child, from its first instruction to its exit."""
    code = os.EX_SOFTWARE
    try:
        _leave_stops_to_the_supervisor()
        sys.setswitchinterval(0.0005)
        logs.name_process(number)
        logs.redirect_prints(app.conf)
        app.after_fork()
        code = Child(app, options, row, pipe).main()
    except BaseException:  # the last word of a process: nobody above it could report this
        logger.critical("A child ended by an error of its own", exc_info=True)
    finally:
        sys.stdout.flush()  # first: what was printed may go to the log
        sys.stderr.flush()
        logging.shutdown()
        os._exit(code)
