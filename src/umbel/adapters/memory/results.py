"""The results of a memory store and those who wait for them."""

from __future__ import annotations

from collections.abc import Iterable

from ...record import Record
from ...states import may_replace
from .bell import Bell


class Results:
    """The newest record of each task id, the one that was written last at the end."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self.watchers: dict[Bell, set[str]] = {}

    def keep(self, record: Record, now: float) -> None:
        """Store one state if `states.may_replace` lets it, and wake those who watch its id."""
        stored = self.get(record.id, now)
        if not may_replace(stored.status if stored else None, record.status):
            return
        self._records.pop(record.id, None)
        self._records[record.id] = record
        for bell, ids in self.watchers.items():
            if record.id in ids:
                bell.ring()

    def get(self, task_id: str, now: float) -> Record | None:
        """The record of a task, None when there is none or it has expired."""
        record = self._records.get(task_id)
        return None if record is None or self._expired(record, now) else record

    def forget(self, ids: Iterable[str]) -> None:
        for task_id in ids:
            self._records.pop(task_id, None)

    def surplus(self, now: float, most: int) -> list[str]:
        """Ids of expired records, and of the oldest ones above ``most`` (0: any number may stay)."""
        ids = [record.id for record in self._records.values() if self._expired(record, now)]
        if most:
            expired = set(ids)
            living = [task_id for task_id in self._records if task_id not in expired]
            ids += living[: max(0, len(living) - most)]
        return ids

    @staticmethod
    def _expired(record: Record, now: float) -> bool:
        return bool(record.expires) and record.expires <= now
