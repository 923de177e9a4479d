"""The keeper: the second thread of a child, with its own connection to the store.

It acts only while one task runs long (seen 10 to 70 ms after its start) or the supervisor speaks:

    - stores the outcomes that wait behind the long task, and gives back unstarted work
    - soft limit: the pool raises SoftTimeLimitExceeded inside the function
    - hard limit: settles TimeLimitExceeded at once, with errbacks called aside (`aside`); a function on the main
      thread cannot be left safely, so the child is replaced; one in a thread or coroutine is interrupted, the child
      replaced only when it is deaf for a second
    - revocations with terminate, looked up twice a second
    - stop: no more claims; at the end of the grace period running functions are interrupted and handed back
    - the supervisor is gone (end of pipe): the process ends; the store gives its work to others

It holds the child's liveness (`Owners`), from before the first claim until after the last settle.
"""

from __future__ import annotations

import logging
import math
import os
import select
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .. import clock
from ..broker import Control, Owners
from ..exceptions import Interrupted, SoftTimeLimitExceeded, Terminated, UmbelError
from ..outcome import Outcome, Release
from .brood import LEAVE
from .channels import Wake
from .page import BUSY, DRAINING, STATE
from .pipes import heard
from .presence import UNWATCH, WATCH
from .run import Run
from .settler import Settler

if TYPE_CHECKING:
    from .life import Life

logger = logging.getLogger("umbel.worker")

LONG: Final = 0.010
"""Seconds after which a function is long, nothing is to wait behind it; up to twice that where its name is known to
take so much: what waits was claimed with that in mind, and to give it back costs more than the wait.
"""

TICK: Final = 0.020
"""Seconds between two looks while functions run that are long, or may be. A look takes the interpreter from a task that
computes for about 0.2 ms; with looks every 10 ms such tasks took 2 % longer.
"""

SLACK: Final = 0.050
"""Seconds between two looks after some that found nothing long."""

LINGER: Final = 2
"""Looks for which the keeper stays awake after the last work: to wake it for each of many small batches costs more."""

LOOK: Final = 0.5
DEAF: Final = 1.0


class Keeper(threading.Thread):
    """One child's keeper. All methods but `finish` and `say` run on its own thread."""

    def __init__(self, life: Life, pipe: socket.socket) -> None:
        super().__init__(name="keeper", daemon=True)
        self.life = life
        self.pipe = pipe
        self.wake = Wake()
        self.ready = threading.Event()
        self.failure: Exception | None = None
        self.dozing = False
        self._awake = 0
        self._pause = TICK
        self._deadline = 0.0
        self._grace = life.options.grace
        self._looked = 0.0
        self._overdue: dict[int, float] = {}
        self._cut: dict[int, float] = {}
        self._retiring = self._lost = self._away = False
        self._control: Control | None = None
        self._done = threading.Event()
        self._buffer = b""
        self._poll = select.poll()  # not select(), which takes no descriptor above 1,023
        for descriptor in (pipe.fileno(), self.wake.fd):
            self._poll.register(descriptor, select.POLLIN)

    def run(self) -> None:
        try:
            self._owners: Owners = self.life.app.broker.owners()
            self._owners.enlist(self.life.owner)
            life = self.life
            self._settler = Settler(life.app, life.owner, life.outcomes, life.desk.reporter, life.book)
        except Exception as error:  # whatever it is, the loop waits for this thread and must hear of it
            self.failure = error
            return
        finally:
            self.ready.set()
        while not self._done.is_set():
            self._listen(self._tick())
            try:
                self._watch(clock.monotonic())
                self._away = False
            except UmbelError as error:  # said once an outage: a look comes twice a second
                level = logging.DEBUG if self._away else logging.WARNING
                logger.log(level, "The keeper's look was cut short: %s", error)
                self._away = True
            except Exception:  # for instance a signal receiver of the user's; limits must be watched all the same
                logger.exception("The keeper's look was cut short")
        self._settler.close()
        if self._control is not None:
            self._control.close()
        self._owners.retire(self.life.owner.nonce)
        self._owners.close()

    def finish(self) -> None:
        """Called by the loop at its end: retire and stop; waits at most 2 s."""
        self._done.set()
        self.wake.ring()
        self.join(2.0)

    def _tick(self) -> float:
        """How long to sleep: short while something runs or waits."""
        if self._deadline or self._overdue:
            return TICK
        if self._works():
            self._awake = LINGER
            return min(self._pause, self._to_the_next_limit())
        if self._awake:
            self._awake -= 1
            return self._pause
        self.dozing = True  # first: a loop that begins to work from here on rings
        return 0.0 if self._works() else 1.0

    def _works(self) -> bool:
        """Whether something runs or is about to; the loop says so before it looks whether to ring."""
        return bool(self.life.row.get(BUSY)) or self.life.busy()

    def _to_the_next_limit(self) -> float:
        """Seconds until the next limit of what runs is over, at most `SLACK`; a tick when one is over already."""
        now, nearest = clock.monotonic(), SLACK
        for attempt in list(self.life.desk.running.values()):
            if attempt.hard and not attempt.settled:
                nearest = min(nearest, attempt.started + attempt.hard - now)
            if attempt.soft and not attempt.warned:
                nearest = min(nearest, attempt.started + attempt.soft - now)
        return nearest if nearest > 0 else TICK

    def _listen(self, timeout: float) -> None:
        pipe = self.pipe.fileno()
        readable = {descriptor for descriptor, _ in self._poll.poll(math.ceil(timeout * 1000))}
        self.dozing = False
        if self.wake.fd in readable:
            self._pause, self._awake = TICK, LINGER  # it was woken before the first attempt begins
            self.wake.drain()
        if pipe not in readable:
            return
        data = heard(self.pipe)
        if not data:
            os._exit(os.EX_UNAVAILABLE)
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._obey(line.decode())

    def _obey(self, order: str) -> None:
        """Orders of the supervisor: ``stop`` (finish within the grace period), ``now`` (the period is over), ``leave``
        (finish, however long it takes: the pool becomes smaller), whether tasks are to be reported (``watch``,
        ``unwatch``), and what remote control has changed.
        """
        life = self.life
        if order.startswith("{"):
            life.change(order)
            return
        if order in (WATCH, UNWATCH):
            life.desk.reporter.on = order == WATCH
            return
        life.stopping.set()
        life.row.put(STATE, DRAINING)
        now = clock.monotonic()
        if order != LEAVE:
            self._deadline = now if order == "now" else now + self._grace
        self._give_back()
        life.outcomes.wake.ring()

    def say(self, word: str) -> None:
        try:
            self.pipe.sendall(word.encode() + b"\n")
        except OSError:
            logger.debug("The supervisor is gone")

    def _watch(self, now: float) -> None:
        life = self.life
        life.row.beat = now
        self._settler.once.vouch(now)
        attempts = list(life.desk.running.values())
        if attempts:
            self._limits(attempts, now)
            if life.inline and any(not a.is_async and now - a.started > _long(a) for a in attempts):
                self._pause = TICK
                self._give_back(gathered=life.gathering.late(now))
            else:
                self._pause = min(SLACK, self._pause * 2)
            if now - self._looked > LOOK:
                self._looked = now
                self._terminate(attempts)
        if self._deadline and now >= self._deadline:
            self._cut_short(attempts, now)
            self._let_go()
            if life.desk.aside.busy():
                life.desk.aside.abandon()
        if self._overdue or self._retiring:
            self._deaf(now)

    def _cut_short(self, attempts: list[Run], now: float) -> None:
        """The grace period is over: interrupt each function once, and again every second that it stays."""
        for attempt in attempts:
            if now >= self._cut.get(attempt.tag, 0.0) and self._interrupt(attempt, Interrupted()):
                attempt.cut_short = True
                self._cut[attempt.tag] = now + DEAF

    def _let_go(self) -> None:
        """Nobody waits any longer for a store that takes nothing new: it gives the messages to others."""
        count = self.life.outcomes.give_up()
        if count:
            logger.warning("%d outcome(s) could not be sent before the end: their messages go to other workers", count)
            self.life.outcomes.wake.ring()

    def _give_back(self, *, gathered: bool = True) -> None:
        """Settle what waits behind a long task and give back what has not started; what is gathered too, if asked."""
        life = self.life
        outcomes: list[Outcome] = life.outcomes.take()
        outcomes += [Release(delivery) for delivery in life.runqueue.give_back()]
        if gathered:
            outcomes += life.gathering.give_back()
        if outcomes:
            self._settler.turn(outcomes, None)

    def _limits(self, attempts: list[Run], now: float) -> None:
        overdue = []
        for attempt in attempts:
            age = now - attempt.started
            if attempt.hard and age >= attempt.hard and not attempt.settled:
                overdue.append(attempt)
            elif attempt.soft and age >= attempt.soft and not attempt.warned:
                attempt.warned = self._interrupt(attempt, SoftTimeLimitExceeded(attempt.soft))
                name, task_id = attempt.plan.name, attempt.request.id
                if attempt.warned:
                    logger.warning("Soft time limit (%ss) exceeded for %s[%s]", attempt.soft, name, task_id)

        if overdue:
            self._hard(overdue, now)

    def _hard(self, attempts: list[Run], now: float) -> None:
        """Settle them all before any function is stopped: they may be one batch, whose function ends all of them."""
        left = []
        for attempt in attempts:
            attempt.settled = True
            if self.life.desk.leave(attempt):
                left.append(attempt)
        for attempt in left:
            self._write_up(attempt, self.life.desk.overdue)
        for attempt in left:
            self._stop_deaf(attempt, now)

    def _write_up(self, attempt: Run, outcome: Callable[[Run], Outcome]) -> None:
        """Settle a run that has left the desk; whatever building its outcome raises, it must be settled."""
        try:
            outcomes = [outcome(attempt)]
        except Exception as trouble:
            outcomes = [self.life.desk.unwritten(attempt, trouble)]
        self._settler.turn(outcomes, None)

    def _stop_deaf(self, attempt: Run, now: float) -> None:
        """It is settled; now end the function itself."""
        if self._is_the_loop(attempt):
            self._retire("a function on the main thread was past its limit", lost=True)
        else:
            self._interrupt(attempt, Interrupted())
            self._overdue[attempt.tag] = now + DEAF

    def _terminate(self, attempts: list[Run]) -> None:
        if self._control is None:
            self._control = self.life.app.broker.control()
        revoked = self.life.revoked
        revoked.learn(*self._control.revoked(revoked.revision))
        for attempt in attempts:
            name = revoked.stops(attempt.request.id, attempt.request.wire.stamps)
            if name is not None and attempt.tag not in self._overdue and not attempt.in_batch:
                self._interrupt(attempt, Terminated(name))
                self._overdue[attempt.tag] = clock.monotonic() + DEAF

    def _interrupt(self, attempt: Run, error: BaseException) -> bool:
        """Raise inside its function; False when that is not running (yet, or any more)."""
        return self.life.pool_for(attempt.is_async).interrupt(attempt.tag, error)

    def _deaf(self, now: float) -> None:
        """Functions that did not end a second after they were interrupted: settle them and replace the child."""
        running = self.life.desk.running
        for tag, until in list(self._overdue.items()):
            attempt = running.get(tag)
            if now < until:
                continue
            del self._overdue[tag]
            if attempt is not None and not attempt.settled:
                attempt.settled = True
                if self.life.desk.leave(attempt):
                    self._write_up(attempt, self._terminated)
                self._give_up(tag)
                self._retire("a function did not end when it was terminated", lost=self._is_the_loop(attempt))
            elif attempt is None and self._give_up(tag):
                self._retire("a function did not end a second after its hard limit")
        if self._retiring and (now >= self._deadline or (self._lost and not self._engaged())):
            self._leave()

    def _is_the_loop(self, attempt: Run) -> bool:
        """Whether it runs on the main thread, in the loop itself."""
        return self.life.inline and not attempt.is_async

    def _terminated(self, attempt: Run) -> Outcome:
        name = self.life.revoked.stops(attempt.request.id, attempt.request.wire.stamps)
        error = Terminated(name or "SIGTERM")
        return self.life.desk.withdrawn(attempt.request, attempt.delivery, error, self.life.desk.aside.call)

    def _engaged(self) -> bool:
        """Whether this child has neighbours that run or are written up, or errbacks of what did."""
        return bool(self.life.desk.running) or self.life.busy()

    def _give_up(self, tag: int) -> bool:
        """Give up a function that is settled; True when it holds its thread or its loop all the same."""
        coroutines = self.life.coroutines
        if self.life.give_up(tag):
            return True
        return coroutines is not None and coroutines.stalled(clock.monotonic()) > DEAF

    def _retire(self, why: str, *, lost: bool = False) -> None:
        """Stop claiming, have a replacement started at once, let the neighbours finish within the grace period.

        The loop ends the process then; where it is `lost` (it is in the deaf function itself) the keeper does.
        """
        self._lost = self._lost or lost
        if self._retiring:
            return
        logger.warning("This child is replaced: %s", why)
        self._retiring = True
        self.life.stopping.set()
        self._deadline = clock.monotonic() + self._grace
        self._give_back()
        self.say("retire")
        self.life.outcomes.wake.ring()
        if self._lost and not self._engaged():
            self._leave()

    def _leave(self) -> None:
        """End the process although a function of it still runs: everything of it is settled or given back.

        What the loop is settling at this moment is settled first, if the store answers within a second: without its
        owner it would be fenced, and run again.
        """
        self.life.settling.acquire(timeout=DEAF)  # never released: nothing of this process settles after it
        self._give_back()
        rest = [Release(attempt.delivery) for attempt in list(self.life.desk.running.values())]
        if rest:
            self._settler.turn(list(rest), None)
        self._owners.retire(self.life.owner.nonce)
        self.life.app.events.close()
        logging.shutdown()
        os._exit(0)


def _long(run: Run) -> float:
    """Seconds after which this one is long."""
    return LONG + min(run.plan.seconds or 0.0, LONG)
