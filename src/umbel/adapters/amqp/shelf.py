"""The reading side. Nobody can look into a queue of RabbitMQ: dead letters are listed, other messages counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ... import clock
from ...broker import Item, Place, QueueCount
from ...exceptions import StoreUnavailable
from . import places
from .intake import SOON
from .ledger import LEASE
from .letters import Letters
from .link import Link
from .plan import server_name
from .rules import Rules
from .topology import BITS, rung

_LOOK: Final = 0.2  # seconds between two looks at the pauses


class AmqpShelf:
    """See `umbel.broker.Shelf`; `Abilities.listed` says what of it this store can do.

    Args:
        link: nobody else's.
        rules: of this broker; queues are counted that its settings describe, and those that dead letters came from.
    """

    def __init__(self, link: Link, rules: Rules) -> None:
        self._letters = Letters(link, rules.plan)
        self._queues = sorted({"celery", *rules.plan.queues})
        self._pauses = [places.paused(seconds) for seconds in (rules.pause, SOON, LEASE / 4)]

    def counts(self) -> list[QueueCount]:
        """Ready messages and dead letters of each queue that is known here."""
        dead = Counter(item.parcel.queue for item in self._letters.items())
        until = self._letters.link.until()
        size = self._letters.topology.size
        sizes = {queue: (size(server_name(queue), until) or (0, 0))[0] for queue in {*self._queues, *dead}}
        return [
            QueueCount(queue, ready, 0, 0, dead[queue])
            for queue, ready in sorted(sizes.items()) if ready or dead[queue]
        ]  # fmt: skip

    def items(self, place: Place, *, queue: str | None = None, after: int = 0, limit: int = 100) -> list[Item]:
        """Dead letters, in pages; nothing for other places."""
        if place != "dead":
            return []
        found = [item for item in self._letters.items() if queue in (None, item.parcel.queue)]
        tags = [item.tag for item in found]
        start = tags.index(after) + 1 if after in tags else 0
        return found[start : start + limit]

    def find(self, task_id: str) -> list[Item]:
        """The dead letters of one task id."""
        return [item for item in self._letters.items() if item.parcel.id == task_id]

    def delete(self, place: Place, tags: Sequence[int]) -> int:
        """Remove dead letters by tag."""
        if place != "dead" or not tags:
            return 0
        chosen = set(tags)
        return self._letters.remove(lambda letter: letter.tag in chosen)

    def purge(self, queue: str) -> int:
        """Remove all ready messages of a queue."""
        link = self._letters.link
        until = link.until()
        if self._letters.topology.size(server_name(queue), until) is None:
            return 0
        found = link.ask(lambda own, reply: own.queue_purge(server_name(queue), callback=reply), until, aside=True)
        return int(found.message_count)

    def replay(self, tags: Sequence[int], *, body: bytes | None = None) -> int:
        """Send dead letters to the end of their queues, with nothing counted against them."""
        if body is not None and len(tags) != 1:
            raise ValueError(f"A new body fits one dead letter and {len(tags)} were named: replay them one by one.")
        return self._letters.replay(dict.fromkeys(tags, body)) if tags else 0

    def make_plain(self, limit: int) -> list[Item]:
        """All messages are Celery's already, in its queues or on its ladder. Those that wait in a pause, because a
        process died, come back by themselves within moments: this waits for them.
        """
        link, size = self._letters.link, self._letters.topology.size
        until = clock.monotonic() + 4 * LEASE
        while any((size(name, link.until()) or (0, 0))[0] for name in self._pauses):
            if clock.monotonic() > until:
                raise StoreUnavailable(
                    f"Messages stay in {', '.join(self._pauses)}; drain again, or look at the server."
                )
            with link:
                link.drive(lambda: False, clock.monotonic() + _LOOK)
        return []

    def hidden(self) -> int:
        """Messages on the ladder of delays, and in a pause."""
        size, until = self._letters.topology.size, self._letters.link.until()
        return sum((size(name, until) or (0, 0))[0] for name in (*map(rung, range(BITS)), *self._pauses))

    def close(self) -> None:
        """Give the connection back; safe to repeat."""
        self._letters.close()
