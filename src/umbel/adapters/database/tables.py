"""Celery's tables, made as Celery 5.7 makes them, with one column more.

    id task_id status result date_done traceback children              celery_taskmeta
    name args kwargs worker retries queue stamps                       result_extended; always created
    umbel_expires                                                      unix time, NULL for never; Celery never looks

    id taskset_id result date_done umbel_expires                       celery_tasksetmeta: saved groups

A table that Celery made is used as it is and gets the columns that it lacks. Where the database does not allow that,
they are left out: without ``umbel_expires`` results stay until Celery's `celery.backend_cleanup` removes them.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from .address import Address

logger = logging.getLogger("umbel.database")

_ATTEMPTS = 5
"""How often a table is looked for while others may be creating it."""


def result_table(address: Address) -> sa.Table:
    """The table of an address, as it should be."""
    whole = sa.Integer().with_variant(sa.BigInteger(), "mssql")
    sequence: sa.Sequence = sa.Sequence("task_id_sequence", schema=address.schema)
    return sa.Table(
        address.table,
        sa.MetaData(),
        sa.Column("id", whole, sequence, primary_key=True, autoincrement=True),
        sa.Column("task_id", sa.String(155), unique=True),
        sa.Column("status", sa.String(50)),
        sa.Column("result", sa.LargeBinary),
        sa.Column("date_done", sa.DateTime, index=True),
        sa.Column("traceback", sa.Text),
        sa.Column("children", sa.LargeBinary),
        sa.Column("name", sa.String(155)),
        sa.Column("args", sa.LargeBinary),
        sa.Column("kwargs", sa.LargeBinary),
        sa.Column("worker", sa.String(155)),
        sa.Column("retries", sa.Integer),
        sa.Column("queue", sa.String(155)),
        sa.Column("stamps", sa.LargeBinary),
        sa.Column("umbel_expires", sa.Double, index=True),
        schema=address.schema,
        sqlite_autoincrement=True,
    )


def group_table(address: Address) -> sa.Table:
    """The table of saved groups."""
    whole = sa.Integer().with_variant(sa.BigInteger(), "mssql")
    sequence: sa.Sequence = sa.Sequence("taskset_id_sequence", schema=address.group_schema)
    return sa.Table(
        address.group_table,
        sa.MetaData(),
        sa.Column("id", whole, sequence, primary_key=True, autoincrement=True),
        sa.Column("taskset_id", sa.String(155), unique=True),
        sa.Column("result", sa.LargeBinary),
        sa.Column("date_done", sa.DateTime, index=True),
        sa.Column("umbel_expires", sa.Double, index=True),
        schema=address.group_schema,
        sqlite_autoincrement=True,
    )


def prepared(engine: sa.Engine, table: sa.Table) -> frozenset[str]:
    """Make what is missing of a table; returns the columns that it then has.

    Raises:
        SQLAlchemyError: the database cannot be reached, or there is no table and none can be created.
    """
    for attempt in range(_ATTEMPTS):
        try:
            found = _columns(engine, table)
            if not found:
                table.metadata.create_all(engine)
            break
        except SQLAlchemyError:  # somebody else is creating it at this moment
            if attempt == _ATTEMPTS - 1 or isinstance(engine.pool, sa.pool.StaticPool):
                raise
    found = _columns(engine, table)
    for column in table.columns:
        if column.name not in found:
            _add(engine, table, column)
    return _columns(engine, table)


def _columns(engine: sa.Engine, table: sa.Table) -> frozenset[str]:
    inspector = sa.inspect(engine)
    if not inspector.has_table(table.name, schema=table.schema):
        return frozenset()
    return frozenset(column["name"] for column in inspector.get_columns(table.name, schema=table.schema))


def _add(engine: sa.Engine, table: sa.Table, column: sa.Column[object]) -> None:
    preparer = engine.dialect.identifier_preparer
    where, what = preparer.format_table(table), preparer.format_column(column)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text(f"ALTER TABLE {where} ADD COLUMN {what} {column.type.compile(engine.dialect)}"))
            for index in table.indexes:
                if column.name in index.columns:
                    index.create(connection)
    except SQLAlchemyError as error:
        if column.name not in _columns(engine, table):  # otherwise somebody else was faster
            logger.warning("The table %s has no column %s and gets none: %s", table.name, column.name, error)
