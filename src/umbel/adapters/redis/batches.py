"""Batches: what an owner has claimed at once, as long as it is settled in the order in which it was claimed.

The store holds a batch as a list and takes finished messages off its front, many at a time, without looking at one of
them. Here it is known which message comes next, so that outcomes can be told as *fronts*: claim, place of the first,
how many, and what each leaves behind. Everything else is told message by message, and the store then makes a hash of
the batch. Whoever is wrong about a batch loses nothing: the store says so and is told again, message by message.

    front S   SUCCESS, the usual case: the id and the document of each, and one expiry
    front F   done otherwise: a record, parcels, and what each brings to joins
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from ...outcome import Bury, Hold, Outcome, Park, Release
from ...record import Record
from .wire import Word

_KEPT: Final = (Bury, Hold, Park, Release)
"""Outcomes that do not simply remove their message."""

_HEAD: Final = b'{"status":"SUCCESS"'
_SMALL: Final = 1 << 20
_MOST: Final = 100
"""Batches that are remembered."""

_NOTHING: Final = (b"", b"")
_SOON: Final = 60.0
"""Seconds. Results that are kept for longer end with a whole second, so that many have one end."""

Left = Callable[[Outcome], Iterable[Word]]
"""What an outcome leaves behind, as the script takes it."""


class _Batch(msgspec.Struct, gc=False):
    tags: list[int]
    next: int = 0


class Front(msgspec.Struct, gc=False):
    """Outcomes of the next messages of a batch.

    Attributes:
        kind: b"S" or b"F".
        claim: of the batch.
        first: place of the first one in it.
        expires: unix milliseconds of the end of their results, 0 for none, -1 where each says it.
        numbers: which outcomes, in order.
        left: what they leave behind, as the script takes it.
    """

    kind: bytes
    claim: int
    first: int
    expires: int
    numbers: list[int]
    left: list[Word]

    def words(self) -> list[Word]:
        """All of it as the script takes it."""
        head: list[Word] = [self.kind, self.claim, self.first, len(self.numbers)]
        return [*head, *self.left] if self.expires < 0 else [*head, self.expires, *self.left]


class Batches:
    """One consumer's."""

    def __init__(self) -> None:
        self._batches: dict[int, _Batch] = {}

    def claimed(self, claim: int, tags: list[int]) -> None:
        """These were claimed as a batch, in this order."""
        self._batches[claim] = _Batch(tags)
        if len(self._batches) > _MOST:  # others settled the rest of it
            del self._batches[next(iter(self._batches))]

    def sorted(self, outcomes: Sequence[Outcome], now: float, left: Left) -> tuple[list[Front], list[int]]:
        """The fronts among outcomes, and the numbers of all others. Those that are not next in their batch end it.

        Args:
            outcomes: to be told.
            now: unix time.
            left: gives what an unusual outcome leaves behind.
        """
        fronts: list[Front] = []
        singles: list[int] = []
        front = None
        batches = self._batches
        for number, outcome in enumerate(outcomes):
            delivery, record = outcome.delivery, outcome.record
            batch = batches.get(delivery.claim)
            if batch is None or batch.tags[batch.next] != delivery.tag or isinstance(outcome, _KEPT):
                singles.append(number)
                batches.pop(delivery.claim, None)
                continue
            expires = -1 if outcome.parcels or outcome.members else _usual(record, now)
            if front is None or front.expires != expires or front.claim != delivery.claim:
                front = Front(b"F" if expires < 0 else b"S", delivery.claim, batch.next, expires, [], [])
                fronts.append(front)
            front.numbers.append(number)
            front.left += left(outcome) if expires < 0 else (record.id, record.document) if record else _NOTHING
            batch.next += 1
            if batch.next == len(batch.tags):
                del batches[delivery.claim]
        return fronts, singles


def _usual(record: Record | None, now: float) -> int:
    """Unix milliseconds of the end of a usual result, a whole second; 0 for no end or no result, -1: it is unusual."""
    if record is None or not record.expires:
        return 0 if record is None or _plain(record) else -1
    return (int(record.expires) + 1) * 1000 if record.expires > now + _SOON and _plain(record) else -1


def _plain(record: Record) -> bool:
    return record.status == "SUCCESS" and record.document.startswith(_HEAD) and len(record.document) < _SMALL
