"""The queues of a virtual host that are umbel's alone.

    umbel.revoked     a stream: the ledger (`ledger`)
    umbel.dead        dead letters, each a copy of its message with headers that say why
    umbel.pause.2000  (2,000 ms) what was lost waits here before anybody may take it; it goes back to the queue that is
                      its routing key
    umbel.reply.<ticket>  answers to one request of remote control

Dead letters are in a classic queue: whoever lists them takes them out and gives them back, and a quorum queue counts
that as a delivery, of which RabbitMQ 4 allows twenty.
"""

from __future__ import annotations

from typing import Final

from .plan import CLASSIC, QUORUM, Exchange, Queue, Way
from .topology import Topology

DEAD: Final = "umbel.dead"

REPLY_LIFE: Final = 600.0
"""Seconds after which answers are removed that nobody asks for."""


def paused(seconds: float) -> str:
    """The name of a pause: of its exchange and of its queue."""
    return f"umbel.pause.{int(seconds * 1000)}"


def pause(topology: Topology, seconds: float, until: float) -> str:
    """The exchange that holds a message for so many seconds and leads to the queue of its key."""
    name = paused(seconds)
    arguments = {
        "x-queue-type": QUORUM, "x-message-ttl": int(seconds * 1000), "x-dead-letter-exchange": "",
        "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
    }  # fmt: skip
    topology.declare(Queue(name, arguments, ways=(Way(Exchange(name, "fanout")),), described=True), until)
    return name


def dead(topology: Topology, until: float) -> str:
    """The queue of dead letters."""
    topology.declare(Queue(DEAD, {"x-queue-type": CLASSIC}), until)
    return DEAD


def replies(ticket: str) -> Queue:
    """The queue of the answers to one request."""
    return Queue(f"umbel.reply.{ticket}", {"x-queue-type": CLASSIC, "x-expires": int(REPLY_LIFE * 1000)})
