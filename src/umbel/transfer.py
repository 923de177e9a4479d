"""What a store may offer beyond `broker`, to whoever moves work: `umbel drain` asks for it and does without it.

OncePublisher   a publisher that stores what has a name once, however often it is sent
PlainShelf      the shelf of a store whose queues Celery's processes share
HazyShelf       the shelf of a store that cannot look at all it has
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from .broker import Item, Publisher, Shelf
from .message import Parcel


@runtime_checkable
class OncePublisher(Publisher, Protocol):
    """A publisher for moves that may be repeated after they were killed half way."""

    def publish_once(self, parcels: Sequence[Parcel], names: Sequence[str], *, deadline: float = 5.0) -> int:
        """Store those parcels whose name was not stored within the last day, or none and raise.

        Args:
            parcels: any number; the caller bounds batches.
            names: one for each parcel; a parcel and its name are stored in one step.
            deadline: seconds in all.

        Returns:
            how many were new.

        Raises:
            OperationalError: the store did not take responsibility within the deadline; repeating it is safe.
        """
        ...


@runtime_checkable
class PlainShelf(Shelf, Protocol):
    """A shelf that can turn what only umbel reads into messages that Celery's workers take."""

    def make_plain(self, limit: int) -> list[Item]:
        """Move messages from umbel's own places to Celery's queues, each in one step; what Celery cannot read stays.

        Delayed ones become Celery's ETA messages, suspects ordinary ones. What must not run again becomes a dead letter
        with its verdict as the reason.

        Args:
            limit: most messages of this call.

        Returns:
            what was moved, with the place where it is now: "ready" or "dead". Nothing when all that can be is moved.
        """
        ...


@runtime_checkable
class HazyShelf(Shelf, Protocol):
    """A shelf that neither counts nor lists messages that are not due."""

    def hidden(self) -> int:
        """How many messages of the store are in none of its `counts`; they come into their queues by themselves."""
        ...
