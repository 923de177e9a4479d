"""The database room: results in Celery's own table, in any database of SQLAlchemy.

address   what a URL says
tables    Celery's tables, made or completed
groups    saved groups: Celery's second table
rows      a result document as a row, and back
legacy    results that Celery pickled before 5.7
writing   statements that keep a state only where it may be kept
link      the connection of one part: transactions, deadlines, forks
faults    every error as one of umbel's
watch     how a reader waits: it looks
backend   the contract
"""

from __future__ import annotations

from typing import Any

from .address import Address
from .backend import DatabaseBackend
from .rows import Form

__all__ = ["open_backend"]


def open_backend(url: str, options: dict[str, Any]) -> DatabaseBackend:
    """A result store in one database; nothing is connected before it is used.

    Args:
        url: ``db+sqlite:///path``, ``db+postgresql://user:password@host/name``, or ``db+`` and any URL of SQLAlchemy.
        options: ``serializer``, ``accept`` and ``most`` of `Form`, and those of `Address.parse`.

    Raises:
        ImproperlyConfigured: the URL or an option cannot work.
        MissingExtra: the driver is not installed.

    Example:
        >>> open_backend("db+sqlite:///results.db", {}).close()
    """
    form = Form(
        options.get("serializer", "json"), options.get("accept", ("json",)), options.get("most", 1 << 27)
    )  # fmt: skip
    return DatabaseBackend(Address.parse(url, options), form)
