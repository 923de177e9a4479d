"""The tray: messages that the server has handed to this process and nobody has claimed yet.

It is small: the server hands over only as many as were asked for. A claim takes messages of one queue and one priority
in the order of their arrival; a suspect is taken alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar


class Ranked(Protocol):
    """What the order of claims depends on: a priority, and whether it must be claimed alone, which comes first."""

    @property
    def tag(self) -> int: ...

    @property
    def queue(self) -> str: ...

    @property
    def priority(self) -> int: ...

    @property
    def alone(self) -> bool: ...


Kind = TypeVar("Kind", bound=Ranked)


class Tray(Generic[Kind]):
    """Messages of several queues, in order of arrival."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Kind]] = {}
        self._tags: set[int] = set()

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def __iter__(self) -> Iterator[Kind]:
        return (each for line in self._lines.values() for each in line)

    def has(self, tag: int) -> bool:
        """Whether a message of this number is here."""
        return tag in self._tags

    def add(self, arrived: Kind) -> None:
        """One more."""
        self._tags.add(arrived.tag)
        self._lines.setdefault(arrived.queue, deque()).append(arrived)

    def holds(self, queues: Iterable[str]) -> bool:
        """Whether any of these queues has something here."""
        return any(self._lines.get(queue) for queue in queues)

    def clear(self) -> list[Kind]:
        """Take everything."""
        everything = list(self)
        self._lines.clear()
        self._tags.clear()
        return everything

    def take(self, queues: Sequence[str], limit: int) -> list[Kind]:
        """What a claim gets: the most urgent first, a suspect before its equals, then by the order of queues."""
        best = min(
            (
                (-each.priority, not each.alone, rank)
                for rank, queue in enumerate(queues)
                for each in self._lines.get(queue, ())
            ),
            default=None,
        )
        if best is None:
            return []
        line = self._lines[queues[best[2]]]
        chosen = [each for each in line if (-each.priority, not each.alone) == best[:2]]
        chosen = chosen[: limit if best[1] else 1]
        taken = set(map(id, chosen))
        self._lines[queues[best[2]]] = deque(each for each in line if id(each) not in taken)
        self._tags.difference_update([each.tag for each in chosen])
        return chosen
