"""Results in Celery's own table: a Celery client reads what is stored here, and the other way round.

Each call is a transaction of at most a few hundred rows. A table has no lifetime for its rows, so a result that has
expired is not seen, and now and then whoever stores results removes what has expired.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from ... import clock
from ...exceptions import OperationalError
from ...record import Record
from .address import Address
from .groups import PREFIX, Groups
from .link import Link
from .rows import Form, Row
from .tables import result_table
from .watch import DatabaseWatch
from .writing import keep

logger = logging.getLogger("umbel.database")

_STEP: Final = 500
"""Rows of one transaction."""

_BYTES: Final = 16 << 20
"""Bytes of documents after which a transaction is full; a larger one goes alone."""

_TIDY: Final = 60.0
"""Seconds between two looks for what has expired; each process begins somewhere in between."""


class DatabaseBackend:
    """See `umbel.backend.Backend`."""

    __slots__ = ("_form", "_groups", "_link", "_tidy_at")

    def __init__(self, address: Address, form: Form) -> None:
        self._form = form
        self._link = Link(address, result_table(address))
        self._groups = Groups(address, form)
        self._tidy_at = clock.monotonic() + random.random() * _TIDY

    def store(self, records: Sequence[Record]) -> None:
        if not records:  # whoever stores nothing asks whether it can be done
            self._link.run(lambda connection: connection.execute(sa.select(self._link.table.c.id).limit(1)))
            return
        groups = [record for record in records if record.id.startswith(PREFIX)]
        if groups:
            self._groups.store(groups)
        rows = [self._form.row(record) for record in records if not record.id.startswith(PREFIX)]
        # One order of the locks for everybody, so that two writers of the same ids do not wait for each other; the
        # order of one id's states stays.
        rows.sort(key=_task_id)
        for step in _steps(rows):
            self._link.run(lambda connection, step=step: self._keep(connection, step))  # type: ignore[misc]
        if clock.monotonic() >= self._tidy_at:
            self._tidy_at = clock.monotonic() + _TIDY
            self._tidy()

    def _keep(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        missing = rows[0].keys() - self._link.columns
        known = [{name: row[name] for name in row if name not in missing} for row in rows] if missing else rows
        keep(connection, self._link.table, known, clock.wall())

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        groups = [task_id for task_id in ids if task_id.startswith(PREFIX)]
        found = self._groups.fetch(groups) if groups else {}
        now = clock.wall()
        for start in range(0, len(ids), _STEP):
            for row in self._rows(ids[start : start + _STEP]):
                record = self._form.record(row)
                if not 0 < record.expires <= now:
                    found[record.id] = record
        return found

    def _rows(self, ids: Sequence[str]) -> list[Row]:
        table = self._link.table

        def read(connection: sa.Connection) -> list[Row]:
            # The columns that are there are known inside of `run` only.
            columns = [column for column in table.columns if column.name in self._link.columns]
            question = sa.select(*columns).where(table.c.task_id.in_(ids))
            return [dict(row) for row in connection.execute(question).mappings()]

        return self._link.run(read)

    def known(self, task_id: str) -> bool | None:
        """True for a task that has a state; None otherwise: its message is elsewhere."""
        return task_id in self.fetch([task_id]) or None

    def forget(self, ids: Sequence[str]) -> None:
        groups = [task_id for task_id in ids if task_id.startswith(PREFIX)]
        if groups:
            self._groups.forget(groups)
        table = self._link.table
        for start in range(0, len(ids), _STEP):
            away = sa.delete(table).where(table.c.task_id.in_(ids[start : start + _STEP]))
            self._link.run(lambda connection, away=away: connection.execute(away))  # type: ignore[misc]

    def watch(self) -> DatabaseWatch:
        return DatabaseWatch(self._link)

    def close(self) -> None:
        self._link.close()
        self._groups.close()

    def _tidy(self) -> None:
        """Remove some of what has expired; whoever comes next removes more."""
        if "umbel_expires" not in self._link.columns:
            return
        table = self._link.table
        old = sa.select(table.c.id).where(table.c.umbel_expires <= clock.wall()).limit(_STEP)

        def remove(connection: sa.Connection) -> int:
            numbers = list(connection.execute(old).scalars())
            if numbers:
                connection.execute(
                    sa.delete(table).where(table.c.id.in_(numbers), table.c.umbel_expires <= clock.wall())
                )
            return len(numbers)

        try:
            if self._link.run(remove) == _STEP:
                self._tidy_at = clock.monotonic()
        except OperationalError as error:  # the results are stored; what is old can wait
            logger.info("Expired results were not removed: %s", error)


def _task_id(row: Row) -> str:
    name: str = row["task_id"]
    return name


def _steps(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows in their order, bounded by number and size."""
    step: list[Row] = []
    size = 0
    for row in rows:
        weight = len(row["result"] or b"")
        if step and (len(step) == _STEP or size + weight > _BYTES):
            yield step
            step, size = [], 0
        step.append(row)
        size += weight
    if step:
        yield step
