"""A reader that waits for results of a store that tells nobody: it looks, at first often, then less so."""

from __future__ import annotations

import math
import select
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Final

from .. import clock
from ..exceptions import OperationalError

_FIRST: Final = 0.005
_LAST: Final = 0.25
_GROWTH: Final = 1.5


class Looking(ABC):
    """See `umbel.backend.Watch`.

    The pauses between two looks grow from 5 ms to a quarter of a second, and begin anew with each id that comes and
    each state that changed. All ids of a watch are asked for together.
    """

    __slots__ = ("_pause", "_seen")

    def __init__(self) -> None:
        self._seen: dict[str, str | None] = {}
        self._pause = _FIRST

    @abstractmethod
    def states(self, ids: list[str]) -> Mapping[str, str | None]:
        """The states of those that have one.

        Raises:
            OperationalError: the store does not say.
        """

    def add(self, ids: Iterable[str]) -> None:
        for task_id in ids:
            self._seen.setdefault(task_id, None)
        self._pause = _FIRST

    def discard(self, ids: Iterable[str]) -> None:
        for task_id in ids:
            self._seen.pop(task_id, None)

    def wait(self, timeout: float, wake: int = -1) -> bool:
        until = clock.monotonic() + timeout
        poll = select.poll()
        if wake >= 0:
            poll.register(wake, select.POLLIN)
        while True:
            try:
                if self._look():
                    self._pause = _FIRST
                    return True
            except OperationalError:  # the caller looks too, and is told what is wrong
                self._pause = _LAST
            left = until - clock.monotonic()
            if left <= 0 or poll.poll(math.ceil(min(self._pause, left) * 1000)):
                return False
            self._pause = min(self._pause * _GROWTH, _LAST)

    def close(self) -> None:
        self._seen.clear()

    def _look(self) -> bool:
        """Whether one of the ids has another state than at the last look."""
        found = self.states([*self._seen])
        news = any(self._seen[task_id] != status for task_id, status in found.items())
        self._seen.update(found)
        return news
