"""What was changed of a schedule at run time: rows of the file."""

from __future__ import annotations

from typing import Final

from ...coordinator import Moment, Override
from .address import Address
from .faults import Deposed
from .link import Link
from .statements import named

_SQL: Final = named("overrides.sql")


class SqliteOverrides:
    """See `umbel.coordinator.Overrides`."""

    __slots__ = ("_link", "_scope")

    def __init__(self, address: Address, scope: str) -> None:
        self._link = Link(address)
        self._scope = scope

    def edition(self) -> int:
        """One row by its key."""
        rows = self._link.read(_SQL["edition"], (self._scope,))
        return rows[0][0] if rows else 0

    def read(self) -> list[Override]:
        """All of them, by name."""
        return [Override(*row) for row in self._link.read(_SQL["all"], (self._scope,))]

    def change(self, name: str, text: str | None, seen: int, said: Moment, *, forget: bool = False) -> bool:
        """One statement, which undoes itself."""
        line = (said.entry, said.what, said.at, said.detail, said.node)
        try:
            self._link.write(_SQL["change"], (self._scope, name, text, seen, forget, *line))
        except Deposed:
            return False
        return True

    def note(self, said: Moment) -> None:
        """Write a line of the history."""
        line = (said.entry, said.nominal, said.what, said.at, said.detail, said.node, said.term)
        self._link.write(_SQL["note"], (self._scope, *line))

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()
