"""A reader that waits for results: Celery's tables tell nobody anything, so it looks again and again."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from ...utils.looking import Looking
from .link import Link

_STEP: Final = 500
"""Ids of one question."""


class DatabaseWatch(Looking):
    """See `umbel.backend.Watch`."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link

    def states(self, ids: list[str]) -> dict[str, str | None]:
        """Those of the table."""
        table = self._link.table
        found: dict[str, str | None] = {}
        for start in range(0, len(ids), _STEP):
            question = sa.select(table.c.task_id, table.c.status).where(table.c.task_id.in_(ids[start : start + _STEP]))
            rows = self._link.run(lambda connection, question=question: connection.execute(question).all())  # type: ignore[misc]
            found.update((row.task_id, row.status) for row in rows)
        return found
