"""A reader that waits for results: Celery's tables tell nobody anything, so it looks, at first often, then less so."""

from __future__ import annotations

import math
import select
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from ... import clock
from ...exceptions import OperationalError
from .link import Link

_FIRST: Final = 0.005
_LAST: Final = 0.25
_GROWTH: Final = 1.5

_STEP: Final = 500
"""Ids of one question."""


class DatabaseWatch:
    """See `umbel.backend.Watch`.

    The pauses between two looks grow from 5 ms to a quarter of a second, and begin anew with each id that comes and
    each state that changed. All ids of a watch are asked for together.
    """

    __slots__ = ("_link", "_pause", "_seen")

    def __init__(self, link: Link) -> None:
        self._link = link
        self._seen: dict[str, str | None] = {}
        self._pause = _FIRST

    def add(self, ids: Iterable[str]) -> None:
        for task_id in ids:
            self._seen.setdefault(task_id, None)
        self._pause = _FIRST

    def discard(self, ids: Iterable[str]) -> None:
        for task_id in ids:
            self._seen.pop(task_id, None)

    def wait(self, timeout: float, wake: int = -1) -> bool:
        until = clock.monotonic() + timeout
        while True:
            try:
                if self._look():
                    self._pause = _FIRST
                    return True
            except OperationalError:  # the caller looks too, and is told what is wrong
                self._pause = _LAST
            left = until - clock.monotonic()
            if left <= 0 or _rung(min(self._pause, left), wake):
                return False
            self._pause = min(self._pause * _GROWTH, _LAST)

    def close(self) -> None:
        self._seen.clear()

    def _look(self) -> bool:
        """Whether one of the ids has another state than at the last look."""
        table, ids = self._link.table, list(self._seen)
        states: dict[str, str | None] = {}
        for start in range(0, len(ids), _STEP):
            question = sa.select(table.c.task_id, table.c.status).where(table.c.task_id.in_(ids[start : start + _STEP]))
            rows = self._link.run(lambda connection, question=question: connection.execute(question).all())  # type: ignore[misc]
            states.update((row.task_id, row.status) for row in rows)
        news = any(self._seen[task_id] != status for task_id, status in states.items())
        self._seen.update(states)
        return news


def _rung(seconds: float, wake: int) -> bool:
    """Sleep; whether the descriptor ended it."""
    poll = select.poll()
    if wake >= 0:
        poll.register(wake, select.POLLIN)
    return bool(poll.poll(math.ceil(seconds * 1000)))
