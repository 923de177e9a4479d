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
MINOR: Final = 10

CURRENT: Final = MAJOR * 1000 + MINOR

STEPS: Final[list[tuple[int, str]]] = [
    (1, "one.sql"),
    (2, "two.sql"),
    (3, "three.sql"),
    (4, "four.sql"),
    (5, "five.sql"),
    (6, "six.sql"),
    (7, "seven.sql"),
    (8, "eight.sql"),
    (9, "nine.sql"),
    (10, "ten.sql"),
]
"""(minor version that it leads to, file of SQL), ascending; a new file takes them all after the first layout."""


def bring_up(connection: apsw.Connection, path: str) -> None:
    """Make, migrate or refuse the schema.

    Raises:
        StoreDamaged: the file belongs to another program.
        StoreUnsuitable: it was made by a newer umbel with another layout.
        apsw.Error: it cannot be read or written.
    """
    version = _version(connection, path)
    if version >= CURRENT:
        return
    if not version:
        # All must be set before the first table, and none can be inside a transaction. Pages of 4 KiB: a turn of
        # one task (five pages) takes 15 % less than with 8, a batch of empty ones 2 % more.
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        if connection.execute("PRAGMA journal_mode = WAL").fetchall() != [("wal",)]:
            raise StoreUnsuitable(f"{path} cannot have a write-ahead log there. Put it on a local disk.")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for text in _missing(_version(connection, path)):  # asked again: somebody else may have been faster
            connection.execute(text)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _missing(version: int) -> list[str]:
    """The statements that bring a file of this version up to date."""
    if version >= CURRENT:
        return []
    texts = [script(name) for minor, name in STEPS if minor > version % 1000]
    if not version:
        texts = [script("schema.sql"), script("triggers.sql"), *texts, f"PRAGMA application_id = {APPLICATION_ID}"]
    return [*texts, f"PRAGMA user_version = {CURRENT}"]


def _version(connection: apsw.Connection, path: str) -> int:
    """Version of the layout, 0 for an empty file."""
    row: tuple[Any, ...] = connection.execute(named("file.sql")["probe"]).fetchall()[0]
    application, version, tables = row
    if application == 0 and version == 0 and tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise StoreDamaged(f"{path} belongs to another program. Name another file in the URL.")
    if version // 1000 > MAJOR:
        raise StoreUnsuitable(
            f"{path} was made by a newer umbel (layout {version // 1000}, this one knows {MAJOR}). Update umbel here, "
            "or name another file in the URL."
        )
    return int(version)
