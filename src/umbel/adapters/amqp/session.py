"""One owner's messages from the claim to the settle, over one connection that the threads of a process share.

    claim    from `intake`, under a number that no other claim of this owner has
    settle   follow-ups and copies are confirmed first, then the message is acknowledged: a crash between the two
             leaves a message twice, never not at all. While the server takes no messages, outcomes that need none
             are settled all the same, and those that do wait with the caller (`Turn.waiting`)

**What the owner holds when its connection breaks** it goes on with, and says so in the ledger, again and again for as
long as it takes (`Kept`). So does one that works on a message for long: RabbitMQ closes the channel of a delivery that
is open for half an hour, so a copy goes round through the pause meanwhile. An outcome of such a message counts unless
somebody has taken it, and its copy is dropped by whoever gets it (`Settled`).

A session lives until its owner retires or its process ends; closing a consumer does not end it.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Final

from ... import clock
from ...broker import Owner, Turn, Want
from ...exceptions import OperationalError
from ...message import Delivery
from ...outcome import Hold, Outcome, Release
from .address import Address
from .arrived import Arrived
from .faults import Blocked
from .feed import Feed
from .intake import Intake
from .leaving import Leaving
from .ledger import LEASE, Entry, Held, Kept, Ledger, Spared
from .link import Link
from .outbox import Copy
from .publisher import AmqpPublisher
from .pulse import watch
from .rules import Rules
from .scribe import Scribe
from .topology import Topology

STALE: Final = 1.0
"""Seconds after which a message that nobody claims is handed back."""

BEAT: Final = 2.0
"""Seconds that the pulse may spend on one session."""

logger = logging.getLogger(__name__)


class Session:
    """See the module.

    Args:
        address: of the server.
        scribe: the ledger of this process.
        owner: whose it is.
        rules: of this broker.

    Attributes:
        over: its owner has ended; whatever it still says is fenced.
        wanted: how many threads wait for it.
    """

    def __init__(self, address: Address, scribe: Scribe, owner: Owner, rules: Rules) -> None:
        self.owner = owner
        self.over = False
        self._rules = rules
        self._lock = threading.RLock()
        self._ear, self._bell = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._bell, False)
        self._listening = False
        self.wanted = 0  # threads that wait for the lock
        self._held: dict[int, Arrived] = {}
        self._sent: set[tuple[int, int]] = set()
        self._owed: dict[tuple[int, int], Outcome] = {}  # whose follow-ups nobody knows whether the server has
        self._spared: list[int] = []  # lost with a connection, while this owner lives; not said yet
        self._claims = itertools.count(1)
        self._claimed = self._said = 0.0
        self._scribe = scribe
        self._link = Link(address, f"umbel {owner.node}")
        sends = Link(address, f"umbel {owner.node} sends")
        self._publisher = AmqpPublisher(sends, Topology(sends, rules.plan), patient=False)
        self._feed = Feed(self._link, scribe.outbox)
        topology = Topology(self._link, rules.plan)
        self._intake = Intake(self._feed, topology, scribe, owner.nonce, self._held, rules)
        self._leaving = Leaving(self._intake, topology)
        scribe.share(self)
        watch(self)

    @property
    def ear(self) -> int:
        """A descriptor that is readable when another thread wants the session."""
        return self._ear

    def turn(self, outcomes: Sequence[Outcome], want: Want | None) -> Turn:
        """Settle, then claim."""
        with self._using() as until:
            ledger = self._scribe.glance(until)
            if self.over or self.owner.nonce in ledger.dead:
                self._give_up()
                return Turn([], list(outcomes), refused=True, revision=ledger.revision)
            turn = Turn([], revision=ledger.revision)
            self._settle(outcomes, turn, until)
            looked = want is None or self._claim(want, turn, bool(outcomes), until)
            turn.next_due = self._intake.next_due if looked else clock.wall()  # whoever has nothing looks again at once
            return turn

    def check(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Which of these are held. Only for what lost its delivery the server is asked."""
        with self._using() as until:
            if not self.over and any(message.kept for message in self._held.values()):
                self._keep(self._scribe.sync(until))
            return [self._holds(outcome.delivery) is not None for outcome in outcomes]

    def listen(self, queues: Sequence[str]) -> bool:
        """Have the server push what comes into these queues; True when something is there already."""
        with self._using() as until:
            return self.over or self._intake.listen(queues, until)

    def arrive(self, timeout: float, wake: int) -> None:
        """Read until something comes, ``wake`` is readable, or so many seconds have passed."""
        if self.wanted:
            return
        with self._lock, self._link:
            due = self._intake.next_due
            if due:
                timeout = min(timeout, max(0.0, due - clock.wall()))
            self._listening = True
            try:
                self._link.drive(lambda: bool(self._feed.inbox), clock.monotonic() + timeout, wake)
            finally:
                self._listening = False
                with contextlib.suppress(BlockingIOError):
                    os.read(self._ear, 4096)

    def retire(self) -> None:
        """The clean end: what is still held or has come is given back, and nothing more is taken."""
        try:
            if not self.over:
                self._give_back()
        except OperationalError as error:
            logger.warning("The server takes back by itself what %s held: %s", self.owner.node, error)
        finally:
            self.sever()

    def sever(self) -> None:
        """End it without a word: the server gives what is open to others."""
        with self._lock:
            self._give_up()

    def beat(self) -> None:
        """For the pulse: what has to be done while the owner's thread is busy with a task."""
        if self.over or not self._lock.acquire(blocking=False):
            return
        try:
            if self._held:
                self._watch(clock.monotonic())
        except OperationalError as error:
            logger.debug("The connection of %s is not there: %s", self.owner.node, error)
        finally:
            self._lock.release()

    def forked(self) -> None:
        """In a forked child it is the parent's."""
        self._lock = threading.RLock()
        self.over = True

    @contextlib.contextmanager
    def _using(self) -> Iterator[float]:
        """Have the session and its connection to oneself, with a deadline; whoever listens in it is woken."""
        self.wanted += 1
        if self._listening:
            with contextlib.suppress(BlockingIOError):
                os.write(self._bell, b"!")
        with self._lock, self._link:
            self.wanted -= 1
            until = self._link.until()
            if not self.over:
                self._connect(until)
            yield until

    def _give_back(self) -> None:
        with self._using() as until:
            self._intake.sort(until)
            kept = [each.tag for each in self._held.values() if each.kept]
            own = [each for each in self._held.values() if not each.kept]
            self._leaving.free(own, self._scribe, until)
            self._intake.back([*own, *self._intake.everything()], until)
            if kept:
                self._scribe.append((Kept(0, kept),), until)

    def _connect(self, until: float) -> None:
        if self._feed.ready(until):
            self._reborn(until)
        if self._spared:
            with contextlib.suppress(OperationalError):  # it is said with the next call
                self._scribe.append((Spared(self.owner.nonce, self._spared),), until)
                self._spared = []

    def _reborn(self, until: float) -> None:
        """The channel is new: what had come is with the server again, what is held is kept by a word."""
        self._spared += [*self._intake.suspects(), *(each.tag for each in self._held.values() if each.lost)]
        self._intake.clear()
        lost = [message for message in self._held.values() if message.life != self._feed.life]
        if lost:
            for message in lost:
                message.kept = True
            self._keep(self._scribe.sync(until))
            logger.warning("The connection was lost; %d message(s) are worked on without it", len(self._held))

    def _keep(self, ledger: Ledger) -> None:
        """Say that what lost its delivery is worked on, but for what somebody else has taken."""
        for message in [message for message in self._held.values() if message.kept]:
            if ledger.taker(message.tag) not in (0, self.owner.nonce):
                del self._held[message.tag]
        tags = [message.tag for message in self._held.values() if message.kept]
        if tags:
            self._scribe.append((Kept(self.owner.nonce, tags),), self._link.until())
        self._said = clock.monotonic()

    def _watch(self, now: float) -> None:
        with self._link:
            until = self._link.until(BEAT)
            self._connect(until)
            self._feed.peek()
            self._intake.sort(until)
            if now - self._claimed > STALE and self._intake.stale(now, STALE):
                self._intake.dry()
                self._intake.sort(until)
                self._intake.empty(until)
            old = [each for each in self._held.values() if not each.kept and now - each.since > self._rules.long]
            if old:
                self._scribe.append((Kept(self.owner.nonce, [each.tag for each in old]),), until)
                self._intake.aside(old, until)
                for message in old:
                    message.kept = True
            elif now - self._said > LEASE / 4 and any(each.kept for each in self._held.values()):
                self._keep(self._scribe.glance(until))

    def _claim(self, want: Want, turn: Turn, settled: bool, until: float) -> bool:
        """Claim; False when it failed in a turn that has settled something, and is to be tried again at once."""
        try:
            messages = self._intake.claim(want, until)
        except OperationalError as error:
            if not settled:
                raise
            logger.debug("Nothing was claimed by %s: %s", self.owner.node, error)  # the next call says it to the caller
            return bool(turn.waiting) or isinstance(error, Blocked)  # an alarm lasts, there is no hurry
        number = next(self._claims)
        for message in messages:
            message.claim = number
            self._held[message.tag] = message
        self._claimed = clock.monotonic()
        turn.deliveries = [message.delivery() for message in messages]
        return True

    def _holds(self, delivery: Delivery) -> Arrived | None:
        message = self._held.get(delivery.tag)
        return message if message is not None and message.claim == delivery.claim else None

    def _settle(self, outcomes: Sequence[Outcome], turn: Turn, until: float) -> None:
        """Make outcomes durable; says which were dropped, and which wait."""
        ours: list[tuple[Outcome, Arrived]] = []
        seen: set[int] = set()
        for outcome in outcomes:
            message = self._holds(outcome.delivery)
            if message is None or message.tag in seen:
                turn.fenced.append(outcome)
            else:
                ours.append((outcome, message))
                if not isinstance(outcome, Hold):
                    seen.add(message.tag)
        if ours:
            try:
                self._send(ours, until)
                self._leave(ours, until)
            except Blocked as error:
                turn.reason = str(error)
                turn.waiting = self._settle_in_silence(ours, until)

    def _settle_in_silence(self, ours: list[tuple[Outcome, Arrived]], until: float) -> list[Outcome]:
        """Settle what can be while nothing can be sent, and return the rest: what needs nothing is acknowledged, and
        what is given back stays here for this owner to claim again, until it can be sent to the others.
        """
        quiet: list[tuple[Outcome, Arrived]] = []
        rest: list[Outcome] = []
        for outcome, message in ours:
            if self._leaving.quiet(outcome, message):
                quiet.append((outcome, message))
            elif isinstance(outcome, Release) and not (message.kept or message.held):
                del self._held[message.tag]
                self._intake.keep(message)
            else:
                rest.append(outcome)
        self._leave(quiet, until)
        return rest

    def _send(self, ours: list[tuple[Outcome, Arrived]], until: float) -> None:
        """The follow-ups; a repeated turn does not send again what was confirmed. What was sent before without an
        answer goes along, whichever outcomes this turn has: the publisher remembers the last call only.
        """
        owed = {key: outcome for key, outcome in self._owed.items() if self._holds(outcome.delivery)}
        for outcome, message in ours:
            key = message.tag, message.claim
            if outcome.parcels and key not in self._sent:
                owed[key] = outcome
        self._owed = owed
        if owed:
            parcels = [parcel for outcome in owed.values() for parcel in outcome.parcels]
            self._publisher.publish(parcels, deadline=max(0.001, until - clock.monotonic()))
            self._sent.update(key for key, outcome in owed.items() if not isinstance(outcome, Hold))
            self._owed = {}

    def _leave(self, ours: list[tuple[Outcome, Arrived]], until: float) -> None:
        """Copies and words first, then the acknowledgements."""
        copies: list[Copy] = []
        words: list[Entry] = []
        for outcome, message in ours:
            if isinstance(outcome, Hold):
                words.append(Held(message.tag))
                message.held = True
            else:
                copies += self._leaving.copies(outcome, message, until)
                words += self._leaving.words(outcome, message, self.owner.nonce)
        if copies:
            self._feed.send(copies, until)
        if words:
            self._scribe.append(words, until, once=any(isinstance(word, Held) for word in words))
        gone = [message for outcome, message in ours if not isinstance(outcome, Hold)]
        self._feed.acknowledge([message for message in gone if not message.kept])
        for message in gone:
            del self._held[message.tag]
            self._sent.discard((message.tag, message.claim))

    def _give_up(self) -> None:
        self.over = True
        self._held.clear()
        self._owed.clear()
        self._intake.clear()
        self._link.drop("its owner is dead")
        self._publisher.close()
        self._scribe.release(self)
