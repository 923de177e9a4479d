"""Saved groups, in Celery's second table: the id of a group, and its members as a plain form.

They reach a store as records whose ids begin with `PREFIX`; here they are rows of ``celery_tasksetmeta``, so that
`GroupResult.restore` of either side finds what the other one saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from ... import clock
from ...record import Record
from .address import Address
from .link import Link
from .rows import Form
from .tables import group_table

PREFIX: Final = "celery-taskset-meta-"

_STATE: Final = "GROUP"


class _Saved(msgspec.Struct):
    result: msgspec.Raw


_decode: Final = msgspec.json.Decoder(_Saved).decode
_encode: Final = msgspec.json.Encoder().encode


class Groups:
    """The groups of one database; nothing is connected before one is saved or asked for.

    Args:
        address: of the database.
        form: how their members are written.
    """

    __slots__ = ("_form", "_link")

    def __init__(self, address: Address, form: Form) -> None:
        self._link = Link(address, group_table(address))
        self._form = form

    def store(self, records: Sequence[Record]) -> None:
        """Save groups; one that was saved before is written over."""
        table = self._link.table
        moment = datetime.fromtimestamp(clock.wall(), UTC).replace(tzinfo=None)
        rows = [
            {
                "taskset_id": record.id.removeprefix(PREFIX),
                "result": self._form.written(bytes(_decode(record.document).result)),
                "date_done": moment,
                "umbel_expires": record.expires or None,
            }
            for record in records
        ]

        def write(connection: sa.Connection) -> None:
            for row in rows:
                connection.execute(sa.delete(table).where(table.c.taskset_id == row["taskset_id"]))
                known = {name: value for name, value in row.items() if name in self._link.columns}
                connection.execute(sa.insert(table).values(known))
            connection.execute(sa.delete(table).where(self._expired(table)))

        self._link.run(write)

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        """The groups of these record ids."""
        table = self._link.table

        def read(connection: sa.Connection) -> Sequence[Any]:
            names = [task_id.removeprefix(PREFIX) for task_id in ids]
            columns = [column for column in table.columns if column.name in self._link.columns]
            return connection.execute(sa.select(*columns).where(table.c.taskset_id.in_(names))).mappings().all()

        found = {}
        for row in self._link.run(read):
            expires = row.get("umbel_expires") or 0.0
            if row["result"] is not None and not 0 < expires <= clock.wall():
                document = _encode(_Saved(msgspec.Raw(self._form.plain(bytes(row["result"])))))
                task_id = f"{PREFIX}{row['taskset_id']}"
                found[task_id] = Record(task_id, _STATE, document, expires)
        return found

    def forget(self, ids: Sequence[str]) -> None:
        """Remove groups."""
        table = self._link.table
        names = [task_id.removeprefix(PREFIX) for task_id in ids]
        self._link.run(lambda connection: connection.execute(sa.delete(table).where(table.c.taskset_id.in_(names))))

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()

    def _expired(self, table: sa.Table) -> sa.ColumnElement[bool]:
        if "umbel_expires" not in self._link.columns:
            return sa.false()
        return table.c.umbel_expires <= clock.wall()
