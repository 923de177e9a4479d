"""The schema of a file: made when the file is new, brought up to date when it is older, refused when it is not ours.

`application_id` says that a file is umbel's, `user_version` is ``major * 1000 + minor``. A minor step only adds
(tables, columns with a default, triggers rewritten to fill them), so that older clients go on working on the same file;
a newer major is refused. Steps run in order, each in one transaction.
"""

from __future__ import annotations

from typing import Any, Final

import apsw

from ...exceptions import StoreDamaged, StoreUnsuitable
from .statements import named, script

APPLICATION_ID: Final = 0x756D626C
"""The letters "umbl"."""

MAJOR: Final = 1
MINOR: Final = 0

STEPS: Final[tuple[tuple[int, str], ...]] = ()
"""(minor version that it leads to, file of SQL), ascending."""


def bring_up(connection: apsw.Connection, path: str) -> None:
    """Make, migrate or refuse the schema.

    Raises:
        StoreDamaged: the file belongs to another program.
        StoreUnsuitable: it was made by a newer umbel with another layout.
        apsw.Error: it cannot be read or written.
    """
    if _state(connection, path):
        return
    # Both must be set before the first table, and neither can be inside a transaction.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _state(connection, path):  # somebody else was faster
            connection.execute(script("schema.sql"))
            connection.execute(script("triggers.sql"))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {MAJOR * 1000 + MINOR}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _state(connection: apsw.Connection, path: str) -> bool:
    """Whether the schema is there and current; False: the file is empty."""
    row: tuple[Any, ...] = connection.execute(named("file.sql")["probe"]).fetchall()[0]
    application, version, tables = row
    if application == 0 and version == 0 and tables == 0:
        return False
    if application != APPLICATION_ID:
        raise StoreDamaged(f"{path} belongs to another program. Name another file in the URL.")
    major = version // 1000
    if major > MAJOR:
        raise StoreUnsuitable(
            f"{path} was made by a newer umbel (layout {major}, this one knows {MAJOR}). Update umbel here, or name "
            "another file in the URL."
        )
    return True
