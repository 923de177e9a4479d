"""Statements that keep a state only where `states.may_replace` allows it, in the database's own step.

SQLite and PostgreSQL insert or update in one statement. Elsewhere the row is updated where it may be; where that did
nothing it is inserted, and where that fails because it is there, it is updated after all: it may have come in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from ... import states
from .rows import Row

NATIVE: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""Databases that insert or update in one statement."""


def keep(connection: sa.Connection, table: sa.Table, rows: Sequence[Row], now: float) -> None:
    """Write rows in their order.

    Args:
        connection: in a transaction.
        table: Celery's.
        rows: with the same columns in all of them.
        now: unix time; a row that has expired by then is as good as none.
    """
    native = NATIVE.get(connection.dialect.name)
    if native is None:
        for row in rows:
            _one(connection, table, row, now)
        return
    statement: Any = native(table).inline()
    columns = [name for name in rows[0] if name != "task_id"]
    upsert = statement.on_conflict_do_update(
        index_elements=[table.c.task_id],
        set_={name: statement.excluded[name] for name in columns},
        where=_replaceable(table, statement.excluded["status"], now, "umbel_expires" in rows[0]),
    )
    connection.execute(upsert, list(rows))


def _replaceable(table: sa.Table, new: Any, now: float, expires: bool) -> sa.ColumnElement[bool]:
    """`states.may_replace` in SQL."""
    old = table.c.status
    free = sa.or_(
        old.is_(None),
        sa.and_(*[old != state for state in sorted(states.READY_STATES)]),  # a list cannot go into a bulk statement
        sa.and_(old != states.SUCCESS, new == states.SUCCESS),
    )
    return sa.or_(free, table.c.umbel_expires <= now) if expires else free


def _one(connection: sa.Connection, table: sa.Table, row: Row, now: float) -> None:
    mine = table.c.task_id == row["task_id"]
    allowed = _replaceable(table, sa.literal(row["status"]), now, "umbel_expires" in row)
    update = sa.update(table).where(mine, allowed).values(row)
    if connection.execute(update).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(table).values(row))
    except IntegrityError:  # it is there, and perhaps only since the update
        connection.execute(update)
