"""What comes in for one owner, until it is claimed.

    server --> inbox --sort--> tray --claim--> (held, in `session`)
                 |--redelivered--> copied to the pause, once more lost; a death that is known: to its queue, at once
                 |--due later----> copied to the delay queues; in less than a second: held until then
                 \\--lost before--> asked of the ledger: dropped, paused again, or into the tray

What has to be copied waits here while the server takes no messages; everything else goes on.

A message that the server delivers again was lost by somebody, who died or only lost his connection. The pause gives
a supervisor the time to say what killed its child, and an owner that lives the time to say that it still works on it.
Who gets the message afterwards writes into the ledger that he takes it, and reads what stands there before. Mostly the
supervisor says it within milliseconds, so an owner that has nothing else to do keeps the message itself for a moment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from ... import clock, ids
from ...broker import Want
from ...exceptions import OperationalError
from . import places
from .arrived import Arrived, copied
from .envelope import DELIVERIES, DUE
from .faults import Blocked
from .feed import Feed
from .ledger import LEASE, Ledger, Taken
from .outbox import Copy
from .plan import server_name
from .rules import Rules
from .scribe import Scribe
from .topology import LONGEST, Topology
from .tray import Tray

MANY: Final = 8
"""A claim of at least so many messages has the server push them; fewer are fetched one by one."""

ENOUGH: Final = 1000
"""Messages that wait for a copy while the server takes none; then no more are fetched. After a crash of the server all
messages of a classic queue come as redelivered.
"""

BATCH: Final = 100
"""Messages that a search collects before it copies them, for the same reason: each copying waits for two answers."""

LAST: Final = 1.0
"""Seconds before the end of a call in which nothing more is searched for."""

MOMENT: Final = 0.3
"""Seconds for which an idle owner keeps what was lost, to hear from a supervisor who has died of it."""

LOOK: Final = 0.03
"""Seconds between two looks whether it was said."""

SOON: Final = 1.0
"""Seconds for which a message that is not due yet is held; delay queues count whole ones."""


class Intake:
    """See the module.

    Args:
        feed: the owner's channel.
        topology: declares on the same connection.
        scribe: the ledger.
        owner: nonce of the owner.
        held: tags of what the owner holds, kept by others.
        rules: of this broker.
    """

    def __init__(
        self, feed: Feed, topology: Topology, scribe: Scribe, owner: int, held: Collection[int], rules: Rules
    ) -> None:
        self._feed = feed
        self._topology = topology
        self._scribe = scribe
        self._owner = owner
        self._held = held
        self._rules = rules
        self._tray: Tray[Arrived] = Tray()
        self._soon: list[Arrived] = []
        self._pauses: dict[float, str] = {}
        self._lost: list[Arrived] = []
        self._later: list[Arrived] = []
        self._doubtful: list[Arrived] = []

    def clear(self) -> None:
        """Forget everything: the server has it again."""
        self._tray.clear()
        self._pauses.clear()
        for each in (self._soon, self._lost, self._later, self._doubtful):
            each.clear()

    @property
    def next_due(self) -> float:
        """Unix time at which the next message that is held for it falls due, 0.0 for none."""
        young = clock.monotonic() - MOMENT
        looks = [clock.wall() + LOOK] if any(each.since > young for each in self._lost) else []
        return min([*looks, *(each.content.due for each in self._soon)], default=0.0)

    def listen(self, queues: Sequence[str], until: float) -> bool:
        """Have the server push what comes into these queues and no others; True when something is there already."""
        for queue in [queue for queue in self._feed.flows if queue not in queues]:
            self._feed.dry(queue)
        for queue in queues:
            self._topology.ensure(queue, until)
            if queue not in self._feed.flows:
                self._feed.flow(queue, 1, until)
        self.sort(until, patient=True)
        return self._tray.holds(queues)

    def claim(self, want: Want, until: float) -> list[Arrived]:
        """Messages of one queue and one priority; nothing when these queues are empty, or the call's time is over."""
        for queue in self._feed.gone():
            self._topology.forget(queue)
        for queue in want.queues:
            self._topology.ensure(queue, until)
        self._shape(want, until)
        self._feed.peek()
        self.sort(until, patient=True)
        if not self._tray.holds(want.queues):
            self._search(want.queues, until)
        taken = self._tray.take(want.queues, want.limit)
        if taken and self._lost:
            self.sort(until)
        if taken and not taken[0].alone and taken[0].queue not in self._feed.flows:
            with contextlib.suppress(OperationalError):  # the next call tells; what was taken is not forgotten over it
                self._fill(taken, want.limit, until)
        return taken

    def sort(self, until: float, *, patient: bool = False) -> None:
        """Look at everything that has come.

        Args:
            until: monotonic moment at which it is given up.
            patient: keep for a moment what was lost, until it is known why.
        """
        now = clock.wall()
        for message in [each for each in self._soon if each.content.due <= now]:
            self._soon.remove(message)
            self._tray.add(message)
        try:
            self._look()
            while not self._feed.blocked and ((lost := self._explained(patient, until)) or self._later):
                if lost:
                    self._put_aside(lost, until)
                if self._later:
                    self._delay(self._later, until)
                    self._later.clear()
                self._look()
            if self._doubtful and not self._feed.blocked:
                self._ask(until)
        except Blocked:
            return

    def everything(self) -> list[Arrived]:
        """Take what nobody has claimed."""
        taken = [*self._tray.clear(), *self._soon, *self._doubtful]
        self._soon.clear()
        self._doubtful.clear()
        return taken

    def suspects(self) -> list[int]:
        """Tags of what was taken here after somebody had lost it, and nobody has claimed."""
        return [each.tag for each in (*self._tray, *self._soon) if each.lost]

    def empty(self, until: float) -> None:
        """Hand back what nobody has claimed; it stays here when that fails."""
        doubtful, messages = list(self._doubtful), self.everything()
        try:
            self.back(messages, until)
        except OperationalError:
            self._doubtful += doubtful
            for each in messages:
                if each not in doubtful:
                    self._admit(each, clock.wall())
            raise

    def keep(self, message: Arrived) -> None:
        """It was claimed and is given back, but cannot be sent: whoever claims next gets it."""
        self._admit(message, clock.wall())

    def stale(self, now: float, age: float) -> bool:
        """Whether something has waited here for so many seconds, and is due."""
        late = clock.wall() - age
        waiting = any(now - each.since > age for each in (*self._tray, *self._doubtful))
        return waiting or any(each.content.due < late for each in self._soon)

    def back(self, messages: Iterable[Arrived], until: float) -> None:
        """Hand messages back to the end of their queues, as if nobody had touched them."""
        gone = list(messages)
        if gone:
            self._feed.send([Copy("", server_name(each.queue), copied(each), each.body) for each in gone], until)
            self._feed.acknowledge(gone)

    def aside(self, messages: list[Arrived], until: float) -> None:
        """Send copies round through the pause, for as long as the ledger says that somebody works on them."""
        self._pause(1, LEASE / 4, messages, until)

    def dry(self) -> None:
        """Have the server push nothing."""
        for queue in list(self._feed.flows):
            self._feed.dry(queue)

    def delayed(self, message: Arrived, due: float, until: float, **headers: object) -> Copy:
        """The copy of a message that is to come back at a unix time; exact to a second, never before it is due."""
        seconds = min(int(due - clock.wall()), LONGEST)
        way = self._topology.delayed(message.queue, seconds, until) if seconds > 0 else None
        properties = copied(message, **{DUE.replace("-", "_"): due}, **headers)
        return Copy(*(way or (self.pause(SOON, until), server_name(message.queue))), properties, message.body)

    def pause(self, seconds: float, until: float) -> str:
        """The exchange of a pause."""
        if seconds not in self._pauses:
            self._pauses[seconds] = places.pause(self._topology, seconds, until)
        return self._pauses[seconds]

    def _explained(self, patient: bool, until: float) -> list[Arrived]:
        """What was lost and is not kept any longer."""
        if not self._lost:
            return []
        self._scribe.glance(until)
        if not patient:
            return list(self._lost)
        young = clock.monotonic() - MOMENT
        return [each for each in self._lost if each.since <= young or self._reported(each)]

    def _reported(self, message: Arrived) -> bool:
        return self._scribe.ledger.deaths(message.tag) > message.lost

    def _put_aside(self, lost: list[Arrived], until: float) -> None:
        known = [each for each in lost if self._reported(each)]
        unknown = [each for each in lost if not self._reported(each)]
        for messages in (known, unknown):
            if messages:
                exchange = "" if messages is known else self.pause(self._rules.pause, until)
                self._pass_on(messages, exchange, 1, until)
                gone = set(map(id, messages))
                self._lost = [each for each in self._lost if id(each) not in gone]

    def _look(self) -> None:
        while self._feed.inbox:
            self._place(self._feed.inbox.popleft(), clock.wall())

    def _place(self, message: Arrived, now: float) -> None:
        if message.redelivered:
            self._lost.append(message)
        elif message.content.due > now + SOON:
            self._later.append(message)
        elif message.lost:
            self._doubtful.append(message)
        else:
            self._admit(message, now)

    def _admit(self, message: Arrived, now: float) -> None:
        if message.tag in self._held or self._tray.has(message.tag):
            message.tag = ids.nonce()  # the same call was sent twice, and one of both is here
        if message.content.due > now:
            self._soon.append(message)
        else:
            self._tray.add(message)

    def _pause(self, more: int, seconds: float, messages: list[Arrived], until: float) -> None:
        self._pass_on(messages, self.pause(seconds, until), more, until)

    def _pass_on(self, messages: list[Arrived], exchange: str, more: int, until: float) -> None:
        """Send copies that were lost so many times more; "" leads straight to the queue."""
        lost = DELIVERIES.replace("-", "_")
        self._feed.send(
            [
                Copy(exchange, server_name(each.queue), copied(each, **{lost: each.lost + more}), each.body)
                for each in messages
            ], until,
        )  # fmt: skip
        self._feed.acknowledge(messages)

    def _delay(self, messages: list[Arrived], until: float) -> None:
        self._feed.send([self.delayed(each, each.content.due, until) for each in messages], until)
        self._feed.acknowledge(messages)

    def _ask(self, until: float) -> None:
        """Drop messages that were lost before and are done, put aside those that somebody works on, and take the most
        urgent other one of each queue. What is taken and lost again is thought to have killed its process, so nobody
        takes what he is not about to run.
        """
        ledger = self._scribe.glance(until)
        if done := [each for each in self._doubtful if ledger.settled(each.tag)]:
            self._feed.acknowledge(done)
        if kept := [each for each in self._doubtful if each not in done and self._spoken_for(each, ledger)]:
            self._pause(0, LEASE / 4, kept, until)
        self._doubtful = [each for each in self._doubtful if each not in done and each not in kept]
        busy = {each.queue for each in self._tray if each.lost}
        taken: dict[str, Arrived] = {}
        for each in sorted(self._doubtful, key=lambda each: -each.priority):
            if each.queue not in busy:
                taken.setdefault(each.queue, each)
        if taken:
            self._scribe.append([Taken(self._owner, each.tag, each.lost) for each in taken.values()], until)
        for each in taken.values():
            if not self._spoken_for(each, ledger):  # otherwise it is done or put aside the next time
                each.past = ledger.past(each.tag, each.lost, self._rules.poison_limit)
                self._doubtful.remove(each)
                self._admit(each, clock.wall())

    def _spoken_for(self, message: Arrived, ledger: Ledger) -> bool:
        return ledger.settled(message.tag) or ledger.keeper(message.tag, clock.monotonic()) != 0

    def _shape(self, want: Want, until: float) -> None:
        """How the server is to hand messages over: it pushes many, and is asked for a few."""
        if want.limit == 1:
            self.dry()
        elif want.limit >= MANY:
            prefetch = min(1 << (want.limit - 1).bit_length(), 512)
            for queue in want.queues:
                if not prefetch <= self._feed.flows.get(queue, 0) < prefetch * 4:
                    self._feed.flow(queue, prefetch, until)

    def _search(self, queues: Sequence[str], until: float) -> None:
        for queue in queues:
            while not self._tray.holds(queues) and self._seek(queue, until):
                pass
        self._feed.peek()
        self.sort(until, patient=True)

    def _seek(self, queue: str, until: float) -> bool:
        """Fetch one message; True when that may be tried again. What has to be copied waits until it is many."""
        waiting = len(self._lost) + len(self._later)
        if waiting + len(self._doubtful) >= ENOUGH or clock.monotonic() > until - LAST:
            return False
        if not self._feed.fetch(queue, until):
            return False
        self._look()
        if self._doubtful or waiting >= BATCH:
            self.sort(until)
        return True

    def _fill(self, taken: list[Arrived], limit: int, until: float) -> None:
        """Add what is like the first one, until it is enough or something else comes."""
        like = taken[0]
        while len(taken) < limit and self._seek(like.queue, until):
            new = self._tray.take((like.queue,), 1)
            if new and (new[0].priority, new[0].alone) != (like.priority, False):
                self._tray.add(new[0])
                break
            taken += new
        self.sort(until)
