"""How a message leaves its holder: which copies are made of it, and what the ledger is told.

outcome                    while it has its delivery                 when it has lost it (`Arrived.kept`)
-------                    -------------------------                 ------------------------------------
Done Fail Retry Replace    -                                         Settled: its copy is dropped
Release                    copy to the end of its queue              Kept by nobody: its copy may be taken
Park                       copy to the delay queues                  the same
Bury                       copy to the dead letters                  the same, and Settled
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ... import clock
from ...message import AGAIN_HEADER
from ...outcome import Bury, Hold, Outcome, Park, Release
from . import places
from .arrived import PARKED, Arrived, copied
from .intake import Intake
from .ledger import Entry, Freed, Kept, Settled
from .outbox import Copy
from .plan import server_name
from .scribe import Scribe
from .topology import Topology

REASON: Final = "umbel-reason"
DETAIL: Final = "umbel-detail"
DIED: Final = "umbel-died"
QUEUE: Final = "umbel-queue"
DEATHS: Final = "umbel-deaths"

_MOST: Final = 20_000
"""Characters of a dump; all headers of a message must fit into one frame."""


class Leaving:
    """See the module.

    Args:
        intake: makes copies that wait.
        topology: declares the queue of dead letters.
    """

    def __init__(self, intake: Intake, topology: Topology) -> None:
        self._intake = intake
        self._topology = topology

    def copies(self, outcome: Outcome, message: Arrived, until: float) -> list[Copy]:
        """What takes the place of the message."""
        match outcome:
            case Bury(reason=reason, detail=detail):
                return [self._buried(message, reason, detail, until)]
            case Release() if not message.kept:
                return [Copy("", server_name(message.queue), copied(message), message.body)]
            case Park(due=due) if not message.kept:
                since = message.content.marks.get(PARKED) or clock.wall()
                return [self._intake.delayed(message, due, until, **{PARKED.replace("-", "_"): since})]
            case _:
                return []

    def words(self, outcome: Outcome, message: Arrived, owner: int) -> list[Entry]:
        """What the ledger is told."""
        back = isinstance(outcome, Release | Park)
        words: list[Entry] = [Freed(message.tag)] if message.held and back else []
        if message.kept:
            words.append(Kept(0, [message.tag]) if back else Settled(owner, [message.tag]))
        return words

    def quiet(self, outcome: Outcome, message: Arrived) -> bool:
        """Whether nothing has to be sent for it: the acknowledgement is all."""
        loud = outcome.parcels or isinstance(outcome, Bury | Hold | Park | Release)
        return not loud and not message.kept

    def free(self, messages: Iterable[Arrived], scribe: Scribe, until: float) -> None:
        """Messages that are given back unstarted are not under early acknowledgement any more."""
        words = [Freed(each.tag) for each in messages if each.held]
        if words:
            scribe.append(words, until)

    def _buried(self, message: Arrived, reason: str, detail: str, until: float) -> Copy:
        marks = {
            REASON: reason[:1000], DETAIL: detail[:_MOST], DIED: clock.wall(), QUEUE: message.queue,
            DEATHS: message.past.deaths,
        }  # fmt: skip
        headers = {name.replace("-", "_"): value for name, value in marks.items()}
        # who brings it back wants it to run, whatever its result was
        properties = copied(message, without=AGAIN_HEADER, **headers)
        return Copy("", places.dead(self._topology, until), properties, message.body)
