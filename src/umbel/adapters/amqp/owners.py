"""Liveness: RabbitMQ gives back by itself what a lost connection held; what a supervisor knows goes beside it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from pika.channel import Channel

from ... import clock
from ...broker import Death, Owner
from ...exceptions import OperationalError
from . import places
from .address import Address
from .consumer import ended
from .faults import Blocked
from .intake import SOON
from .ledger import LEASE, Died
from .letters import Letters
from .link import Link, Reply
from .plan import UNUSED, Queue
from .roll import Roll
from .rules import Rules
from .scribe import Scribe
from .topology import Topology

SHOWN: Final = UNUSED / 4000
"""Seconds between two declarations of a worker's own queues."""

logger = logging.getLogger(__name__)


class AmqpOwners:
    """See `umbel.broker.Owners`.

    Args:
        address: of the server.
        scribe: the ledger.
        rules: of this broker.
    """

    def __init__(self, address: Address, scribe: Scribe, rules: Rules) -> None:
        self._scribe = scribe
        self._link = Link(address, "umbel owners")
        self._topology = Topology(self._link, rules.plan)
        self._plan = rules.plan
        self._own: dict[str, Queue] = {}
        self._shown = 0.0
        self._pauses = (rules.pause, SOON, LEASE / 4)
        self._roll = Roll(self._link, self._topology, scribe.outbox)
        self._letters = Letters(Link(address, "umbel tidies"), rules.plan)
        scribe.share(self)

    def enlist(self, owner: Owner) -> None:
        """It lives from now on; a supervisor also finds out whether this server can serve at all.

        It can while it takes no messages, since it delivers all the same.
        """
        try:
            if owner.role == "supervisor":
                self._scribe.glance(self._scribe.link.until())
                self._make_ready()
                named = owner.info.get("queues")
                queues = named if isinstance(named, list) else []
                self._own = {name: queue for name, queue in self._plan.queues.items() if queue.own and name in queues}
                self._show_own()
            self._roll.add(owner)
        except Blocked as error:
            if owner.role == "supervisor":
                logger.warning(
                    "%s This worker starts all the same: it runs what waits, and what a task sends waits until then.",
                    error,
                )

    def _make_ready(self) -> None:
        """Declare what a loss will need, long before it: RabbitMQ 3.10 never again confirms what is sent to a quorum
        queue that it had made within the second before it was killed.
        """
        with self._link:
            until = self._link.until()
            for seconds in self._pauses:
                places.pause(self._topology, seconds, until)

    def _show_own(self) -> None:
        """Make the queues that are this worker's alone, and again: one that nobody has asked for lately is removed, and
        a child that runs a long task does not ask.
        """
        if self._own and clock.monotonic() - self._shown > SHOWN:
            with self._link:
                until = self._link.until()
                for queue in self._own.values():
                    self._topology.declare(queue, until)
            self._shown = clock.monotonic()

    def _drop_own(self) -> None:
        names, self._own = list(self._own), {}
        with self._link, contextlib.suppress(OperationalError):  # the server does it in a minute
            for name in names:
                delete = partial(_deleted, name)
                self._link.ask(delete, self._link.until(1.0))

    def retire(self, nonce: int) -> None:
        """Its clean end."""
        if self._own:
            self._drop_own()
        session = ended(nonce)
        if session is not None:
            session.retire()
        with contextlib.suppress(Blocked):  # it is forgotten by itself
            self._roll.drop(nonce)

    def rescue(self, deaths: Sequence[Death] = ()) -> int:
        """Write down what a supervisor saw. The server gives the messages back by itself, so none is counted here."""
        until = self._scribe.link.until()
        self._show_own()
        if deaths:
            self._scribe.append([Died(death) for death in deaths], until)
            self._roll.drop(*(death.owner for death in deaths))
            for death in deaths:
                session = ended(death.owner)
                if session is not None:
                    session.sever()
        else:
            self._scribe.glance(until)
        return 0

    def roll(self) -> list[Owner]:
        """Everybody who is alive now."""
        return self._roll.read(self._link.until())

    def tidy(self, limits: dict[str, float]) -> int:
        """Remove dead letters that are too old or too many, and forget revocations that have expired."""
        now, age = clock.wall(), limits.get("dead_age", 0.0)
        forgotten = self._scribe.glance(self._scribe.link.until()).forget(now)
        return forgotten + self._letters.tidy(now - age if age else 0.0, int(limits.get("dead_count", 0)))

    def close(self) -> None:
        """Give the connections back; safe to repeat."""
        self._roll.close()
        self._link.close()
        self._letters.close()
        self._scribe.release(self)


def _deleted(name: str, channel: Channel, reply: Reply) -> Any:
    return channel.queue_delete(name, callback=reply)
