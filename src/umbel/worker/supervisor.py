"""The supervisor: runs no task; keeps the children alive, their work owned, and the operator informed.

    imports the app -> forks the nursery -> opens the store -> asks for the children -> watches

Every second it rescues the work of dead owners, here and elsewhere, and once in a while it tidies the store. It reads
the shared page to know what each child runs: so a death counts against the tasks that were running, a child that is
deaf past a hard limit is killed with its verdict, and a child that stays stopped for 5 s is killed.

Order of shutdown: children stop claiming and finish (grace period) -> interrupted at its end -> killed 2 s later ->
the nursery is let go -> presence is withdrawn -> the heartbeat file is removed.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
from typing import TYPE_CHECKING, Any, Final, Protocol

from .. import clock, health, ids, signals
from ..broker import Broadcast, Control, Death, Owners
from ..exceptions import OperationalError, StoreReadOnly, StoreUnsuitable, UmbelError
from . import orphans, spawned
from .arrival import arrive
from .autoscale import scaler
from .brood import Brood, Ward
from .child import run
from .commands import Commands
from .control import State
from .forwarder import Forwarder
from .handles import Worker
from .housekeeper import Housekeeper
from .levers import Levers
from .nursery import Exited, Forked, Nursery, Stopped
from .page import Page
from .presence import Presence
from .roll import Entry
from .sponsor import Sponsor
from .steps import Steps
from .stopping import Stop

if TYPE_CHECKING:
    import socket
    from typing import NoReturn

    from ..app import Umbel
    from .options import WorkerOptions

logger = logging.getLogger("umbel.worker")

SWEEP: Final = 1.0
TIDY: Final = 10.0
UNHEARD: Final = 60.0
"""Seconds before requests of remote control are asked for again where the store does not let us."""
STOPPED_MOST: Final = 5.0
DEAF_MOST: Final = 1.0
SILENT_MOST: Final = 60.0
"""Seconds without an answer on a child's consuming connection, while the supervisor has answers on its own, after which
everything of it is built anew: another child takes its place.
"""
LOOK: Final = 0.25
HEARTBEAT: Final = 2.0
"""Seconds between two `heartbeat_sent`, as in Celery; none while the store does not answer."""


class Polling(Protocol):
    """A selector that is itself a file descriptor, so that a wait on the store ends when anything in it speaks."""

    def fileno(self) -> int: ...

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey: ...

    def unregister(self, fileobj: Any) -> selectors.SelectorKey: ...

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]: ...

    def close(self) -> None: ...


def _selector() -> Polling:
    kind: Any = getattr(selectors, "EpollSelector", None) or getattr(selectors, "KqueueSelector", None)
    made: Polling = kind()
    return made


class Supervisor:
    """One `umbel worker`.

    Args:
        app: the imported application.
        options: what was asked for.
        words: the options of the command line as they were written, for bootsteps.
    """

    def __init__(self, app: Umbel, options: WorkerOptions, words: dict[str, Any] | None = None) -> None:
        self.app = app
        self.options = options
        self.page = Page(options.rows, options.slots)
        self.brood = Brood(self.page, options.rows)
        self.levers = Levers(app, options, self.brood, self.page)
        self.stop = Stop(options.grace, options.soft_shutdown, options.hostname)
        self.sponsor = Sponsor(app, self.brood)
        self.worker = Worker(app, options, words or {}, self.levers, self.stop)
        self.autoscaler = self.worker.autoscaler = scaler(app, options, self.levers, self.worker)
        self.steps = Steps(self.worker)
        self.started = clock.wall()
        self.ready = False
        self._swept = self._tidied = self._told = 0.0
        self._heard = 0
        self._deaf = 0.0  # monotonic moment before which requests are not asked for
        self._answered = 0.0

    @property
    def hostname(self) -> str:
        """Node name."""
        return self.options.hostname

    def _before_child(self) -> None:
        """In the nursery, before each fork: what a receiver changes here, the child finds."""
        signals.worker_before_create_process.send(sender=self)

    def _life(self, number: int, pipe: socket.socket) -> NoReturn:
        self.selector.close()
        if self.options.start_method == "spawn":
            spawned.execute(self.options, self.page, number, pipe)
        run(self.app, self.options, self.page.row(number), pipe, number + 1)

    def main(self) -> int:
        """Run until stopped; returns the exit code."""
        self.selector = _selector()
        signals.worker_init.send(sender=self.worker)
        signals.celeryd_after_setup.send(sender=self.hostname, instance=self.worker, conf=self.app.conf)
        self.steps.make()
        self.nursery = Nursery(self._life, self._before_child)
        self.stop.install()
        self.entry = Entry(self.app, self.options)
        self.owners: Owners = self.entry.owners
        self.control: Control = self.app.broker.control()
        self.forwarder = Forwarder(self.app)
        self.housekeeper = Housekeeper(self.app, self.owners)
        self.presence = Presence(self.app, self.options, self.brood)
        self.commands = Commands(
            State(
                self.app, self.options, self.control, self.brood, self.stop, self.levers, clock.monotonic(),
                self.presence.answers(), self.worker,
            )
        )  # fmt: skip
        try:
            self.steps.start_worker()
            self._begin()
        except BaseException:  # there was no worker yet, and so there is none to leave
            self.steps.end(now=True)
            raise
        try:
            self._watch()
        finally:
            self._leave()
        return self.stop.code

    def _begin(self) -> None:
        """The store answers: from here on children work."""
        if arrive(self.entry.enlist, self.app.conf, self.stop, self._say_alive):
            self._look_at_results()
            self.steps.start_consumer()
            self.selector.register(self.nursery.socket, selectors.EVENT_READ)
            self.selector.register(self.stop.fd, selectors.EVENT_READ)
            for _ in range(self.options.children):
                self._hatch()

    def _look_at_results(self) -> None:
        """Let the result store say what its operator should know; one that is away now may be back later."""
        backend = self.app.backend()
        if backend is not None:
            try:
                backend.store(())
            except OperationalError as error:
                if isinstance(error, StoreUnsuitable | StoreReadOnly):
                    raise
                logger.warning("Results cannot be stored now: %s", error)

    def _hatch(self) -> None:
        """Ask the nursery for one more child."""
        number = self.brood.reserve(ids.nonce(), self.presence.cell)
        self.nursery.fork(number)

    def _watch(self) -> None:
        while not self.stop.requested or self.brood.busy:
            self._listen(LOOK)
            self._attend()
            self.steps.turn(stopping=self.stop.requested, now=self.stop.hurried)
            now = clock.monotonic()
            self.presence.beat(now)
            if now - self._swept >= SWEEP:
                self._swept = now
                self._sweep()
                self._scale()
            if now - self._tidied >= TIDY:
                self._tidied = now
                self._tidy()
            self.levers.trim()
            for _ in range(self.brood.missing(self.levers.children, now) if not self.stop.requested else 0):
                self._hatch()

    def _scale(self) -> None:
        """Let the pool follow its work; whatever a class of the project raises, the worker goes on."""
        if self.autoscaler is not None and self.ready and not self.stop.requested:
            try:
                self.autoscaler.maybe_scale()
            except Exception as error:
                logger.warning("The autoscaler could not look: %r", error)

    def _attend(self) -> None:
        """The operator's stop and the children's limits."""
        now = clock.monotonic()
        self.stop.progress(self.brood, now)
        self._guard(now)

    def _say_alive(self) -> None:
        if self.options.heartbeat_file:
            self._beat(self.options.heartbeat_file)
        health.notify("WATCHDOG=1")

    def _outlast(self) -> None:
        """A call was not answered before its deadline; a turn of the loop may have four of them. What must not wait for
        a store comes in between: whoever probes would otherwise kill a worker, and what it runs, for an outage.
        """
        self._attend()
        self._say_alive()

    def _listen(self, timeout: float) -> None:
        """Sleep until a control request, a child, the nursery or a signal speaks."""
        try:
            for request in self._requests(timeout):
                self._heard = max(self._heard, request.number)
                self.commands.answer(request.payload)
        except UmbelError as error:
            logger.debug("No control requests could be read: %s", error)
            self._outlast()
            self.selector.select(timeout)
        for key, _ in self.selector.select(0):
            if key.fileobj is self.nursery.socket:
                self._news()
            elif isinstance(key.data, Ward):
                if self.brood.wards.get(key.data.pid) is key.data:  # not buried by news of the same look
                    self._hear(key.data)
            else:
                self.stop.clear()
                self._swept = 0.0  # a worker that stops is not ready from now on

    def _requests(self, timeout: float) -> list[Broadcast]:
        if self.app.conf.worker_enable_remote_control and clock.monotonic() >= self._deaf:
            try:
                return self.control.broadcasts(self._heard, timeout, self.selector.fileno())
            except StoreUnsuitable as error:  # a user without the rights, perhaps; no reason not to work
                if not self._deaf:
                    logger.warning("Remote control cannot reach this worker: %s", error)
                self._deaf = clock.monotonic() + UNHEARD
        self.selector.select(timeout)
        return []

    def _news(self) -> None:
        events = self.nursery.events()
        if events is None:
            logger.critical("The nursery is gone: the worker ends with code 70, to be started anew")
            self.stop.abandon(os.EX_SOFTWARE)
            self.brood.lost()
            return
        for event, pipe in events:
            if isinstance(event, Forked) and pipe is not None:
                ward = self.brood.born(event.number, event.pid, pipe)
                self.selector.register(pipe, selectors.EVENT_READ, ward)
                self.levers.greet(ward)
                if self.stop.requested:
                    ward.say("stop")
            elif isinstance(event, Exited):
                self._buried(event)
            elif isinstance(event, Stopped):
                self.brood.stopped(event.pid, event.stopped, clock.monotonic())

    def _hear(self, ward: Ward) -> None:
        """A child speaks: ready, or retire (a replacement is wanted at once)."""
        for word in ward.hear():
            if word == "ready":
                ward.ready = True
            elif word == "retire":
                ward.retiring = True
        if ward.deaf:
            self.selector.unregister(ward.pipe)
        if not self.ready and self.brood.ready(self.levers.children):
            self.ready = True
            signals.worker_ready.send(sender=self.worker.consumer)
            self.presence.online()
            logger.info("%s ready.", self.options.hostname)
            health.notify("READY=1")
            self._swept = 0.0  # whoever probes next must not read the beat from before

    def _buried(self, event: Exited) -> None:
        ward = self.brood.wards.pop(event.pid, None)
        if ward is None:
            return
        if not ward.deaf:
            self.selector.unregister(ward.pipe)
        death = ward.death(event.status)
        if death.cause:
            level = logging.WARNING if ward.doomed or self.stop.requested else logging.ERROR
            logger.log(level, "Child %d %s; it ran %d task(s)", event.pid, death.cause, len(death.started))
        self.sponsor.buried(ward)
        self._rescue([death])
        self.brood.free(ward, failed=bool(death.cause) and not ward.doomed, now=clock.monotonic())

    def _rescue(self, deaths: list[Death]) -> None:
        self.brood.unreported += deaths
        try:
            count = self.owners.rescue(self.brood.unreported)
        except UmbelError as error:
            self._trouble(error)
            return
        self.brood.unreported.clear()
        self._answered = clock.monotonic()
        if count:
            logger.warning("Took back %d message(s) of workers that died", count)

    def _sweep(self) -> None:
        self._rescue([])
        self.forwarder.look()
        orphans.reap(self.nursery.pid)
        self._say_alive()
        now = clock.monotonic()
        self.sponsor.sweep(now)
        if signals.heartbeat_sent.receivers and now - self._told >= HEARTBEAT and now - self._answered < HEARTBEAT:
            self._told = now
            signals.heartbeat_sent.send(sender=self)

    def _beat(self, path: str) -> None:
        pids = [ward.pid for ward in self.brood.wards.values()]
        ready = self.ready and not self.stop.requested
        now, node = clock.monotonic(), self.options.hostname
        store = min(self._answered, now - self.brood.silent(now))
        try:
            health.write(path, health.Beat(node, os.getpid(), now, store, ready, pids, self.started))
        except OSError as error:
            logger.warning("The heartbeat file %s cannot be written: %s", path, error)

    def _trouble(self, error: UmbelError) -> None:
        logger.warning("The store does not answer the supervisor: %s", error)
        self._outlast()

    def _tidy(self) -> None:
        try:
            if self.housekeeper.tidy():
                self._tidied = clock.monotonic() - TIDY + LOOK
            if self.app.broker.abilities.rescue == "caller":  # elsewhere the roll is what each process says of itself
                self.entry.look()
                if self.entry.missed:
                    self._tidied = clock.monotonic() - TIDY + SWEEP
        except UmbelError as error:
            self._trouble(error)

    def _guard(self, now: float) -> None:
        """Kill what does not become ready, is stopped for too long or deaf past its hard limit; say the verdict."""
        for ward in list(self.brood.wards.values()):
            if not ward.ready and self._overslept(ward, now):
                ward.doom(f"was not ready within {self.options.alive_timeout:g} s and was killed", {})
            if ward.stopped_at and now - ward.stopped_at > STOPPED_MOST:
                ward.doom(f"was stopped for {STOPPED_MOST:.0f} s and killed", {})
            if ward.silent(now) > SILENT_MOST and now - self._answered < SWEEP + LOOK * 4:
                logger.error("Child %d had no answer of the store for %.0f s: it is replaced", ward.pid, SILENT_MOST)
                ward.retiring = True
                ward.say("stop")
            late = {r.tag: f"TimeLimitExceeded:{r.hard - r.started}" for r in ward.late(now, DEAF_MOST)}
            if late:
                ward.doom("was deaf past a hard time limit and killed", late)

    def _overslept(self, ward: Ward, now: float) -> bool:
        patience = self.options.alive_timeout
        return bool(patience) and now - ward.born > patience and not self.stop.requested

    def _leave(self) -> None:
        self.steps.end(now=self.stop.hurried)
        signals.worker_shutdown.send(sender=self.worker)
        self.presence.offline()
        self.nursery.socket.close()
        health.notify("STOPPING=1")
        self.forwarder.close()
        self.housekeeper.close()
        try:
            self.sponsor.close()
            self.entry.retire()
        except UmbelError as error:
            self._trouble(error)
        if self.options.heartbeat_file:
            health.remove(self.options.heartbeat_file)
        try:
            os.waitpid(self.nursery.pid, 0)
        except ChildProcessError:
            logger.debug("The nursery was reaped before")
        signal.set_wakeup_fd(-1)
