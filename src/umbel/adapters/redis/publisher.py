"""Producers' part: parcels into Celery's lists, or into the delayed sets."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Final

from ... import clock, ids
from ...exceptions import QueueFull
from ...message import Join, Parcel
from .envelope import sealed
from .exchanges import NO_EXCHANGES, Exchanges, told_on
from .faults import Unanswered
from .joins import opened
from .layout import Layout
from .link import Link
from .wire import Word

REMEMBERED: Final = 86_400
"""Seconds for which the names of moved messages are kept after the last one."""


class RedisPublisher:
    """See `umbel.broker.Publisher`.

    Each call has a sequence number, and the store remembers the last one of a producer. So a call whose answer was lost
    is sent again without storing anything twice: by the link at once, or by the caller who repeats the same parcels.
    """

    def __init__(self, link: Link, layout: Layout, exchanges: Exchanges = NO_EXCHANGES) -> None:
        self._link = link
        self._layout = layout
        self._exchanges = exchanges
        self._nonce = self._pid = 0
        self._sequence = 0
        self._unsure: tuple[list[Parcel], list[Word]] | None = None

    def publish(
        self, parcels: Sequence[Parcel], *, deadline: float = 5.0, limits: dict[str, int] | None = None
    ) -> None:
        """Store all parcels, or none and raise."""
        if not parcels:
            return
        stored = [parcel for parcel in parcels if not parcel.exchange]
        if stored:
            self._store(stored, deadline, limits or {})
        if self._exchanges.told:
            self._exchanges.tell(self._link, self._layout, parcels)

    def _store(self, parcels: Sequence[Parcel], deadline: float, limits: dict[str, int]) -> None:
        words = self._repeated(parcels) or self._words(parcels, limits)
        copies = self._link.address.replicas
        try:
            over = self._link.script("publish", (self._layout.prefix,), words, deadline, idempotent=True, copies=copies)
        except Unanswered:
            self._unsure = (list(parcels), words)
            raise
        self._unsure = None
        if over:
            queue, waiting, most, coming = over
            raise QueueFull(
                f"The queue {queue.decode()!r} holds {waiting} messages and may hold {most}, so {coming} more were "
                f"refused: start more workers, or raise task_queue_max_length for it."
            )

    def publish_once(self, parcels: Sequence[Parcel], names: Sequence[str], *, deadline: float = 5.0) -> int:
        """Store those whose name is new, or none and raise (`umbel.transfer.OncePublisher`)."""
        words: list[Word] = [self._layout.separator, REMEMBERED]
        now = clock.wall()
        for parcel, name in zip(parcels, names, strict=True):
            words += (name, *grouped([parcel], self._layout, now)[1:])
        copies = self._link.address.replicas
        keys = (self._layout.prefix,)
        return int(self._link.script("publish_once", keys, words, deadline, idempotent=True, copies=copies))

    def close(self) -> None:
        """Give the connection back; safe to repeat."""
        self._link.close()

    def _repeated(self, parcels: Sequence[Parcel]) -> list[Word] | None:
        """The words of the call before, when its answer never came and the same parcels are sent again."""
        if self._unsure is None:
            return None
        before, words = self._unsure
        same = len(before) == len(parcels) and all(one is other for one, other in zip(before, parcels, strict=True))
        return words if same else None

    def _words(self, parcels: Sequence[Parcel], limits: dict[str, int]) -> list[Word]:
        now = clock.wall()
        self._sequence += 1
        if self._pid != os.getpid():  # a forked child counts for itself, or its calls were taken for its parent's
            self._pid, self._nonce = os.getpid(), ids.nonce()
        coming = Counter(parcel.queue for parcel in parcels if parcel.due <= now)
        bounds = [(queue, most, coming[queue]) for queue, most in limits.items() if coming[queue]]
        return [
            self._layout.separator, now, self._nonce, self._sequence, *self._layout.numbered_steps(),
            len(bounds), *(word for bound in bounds for word in bound), *grouped(parcels, self._layout, now),
        ]  # fmt: skip


def grouped(parcels: Sequence[Parcel], layout: Layout, now: float) -> list[Word]:
    """Parcels as scripts take them: how many groups, then for each its queue, step, due time or "", whether a Celery
    worker could hold it by itself, how many, and their envelopes. Joins that begin with them go first. What goes to an
    exchange is told on its channel.
    """
    groups: dict[tuple[str, int | str, float, bool], list[Word]] = {}
    joins: list[Join] = []
    for parcel in parcels:
        if parcel.opens:
            joins += parcel.opens
        item, foreign = sealed(parcel, now)
        if parcel.exchange:
            channel = told_on(layout, parcel.exchange, parcel.routing_key)
            groups.setdefault((channel, "F", 0.0, False), []).append(item)
            continue
        due = parcel.due if parcel.due > now else 0.0
        key = (parcel.queue, layout.step(parcel.priority), due, bool(due) and foreign and not layout.delay_here)
        groups.setdefault(key, []).append(item)
    words: list[Word] = [len(joins) + len(groups), *(opened(joins, layout) if joins else ())]
    for (queue, step, due, foreign), items in groups.items():
        words += (queue, step, due or "", int(foreign), len(items))
        words += items
    return words
