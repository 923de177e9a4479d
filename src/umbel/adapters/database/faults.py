"""Every error of a database or its driver becomes one of umbel's, with a sentence that says what to do. None leaks."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ...exceptions import (
    OperationalError,
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreUnavailable,
    StoreUnsuitable,
)
from .address import Address

_AGAIN: Final = frozenset({"40001", "40P01"})
"""SQLSTATE of a transaction that was undone because of another one: serialization failure, deadlock."""

_WORDS: Final[tuple[tuple[tuple[str, ...], type[OperationalError], str], ...]] = (
    (
        ("database is locked", "database table is locked", "lock timeout", "Lock wait timeout"),
        StoreLocked,
        "Somebody else holds {address} for longer than the deadline",
    ),
    (("database or disk is full", "No space left", "disk full"), StoreFull, "The disk of {address} is full"),
    (
        ("readonly database", "read-only transaction", "--read-only option"),
        StoreReadOnly,
        "{address} can be read but not written; name a database that takes writes",
    ),
    (
        ("file is not a database", "malformed"),
        StoreDamaged,
        "{address} is damaged, or is no database of this kind",
    ),
    (
        ("password authentication failed", "no password supplied", "Access denied"),
        StoreUnavailable,
        "{address} refused the user name or password; correct them in the URL",
    ),
    (
        ("permission denied",),
        StoreUnsuitable,
        "{address} does not let this user do what umbel needs; let it create, read, write and delete in Celery's table",
    ),
    (
        ("does not exist", "Unknown database", "unable to open database file"),
        StoreUnavailable,
        "{address} is not there; create the database, or correct the URL",
    ),
    (
        ("too many clients", "too many connections", "remaining connection slots"),
        StoreUnavailable,
        "{address} has no connection left; raise its limit, or run fewer processes",
    ),
    (
        ("value too long",),
        OperationalError,
        "Celery's table in {address} has no room for a task id of more than 155 characters or a state of more than 50",
    ),
)


def is_lost(error: SQLAlchemyError) -> bool:
    """Whether the connection is gone, so that another one may do better."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def was_undone(error: SQLAlchemyError) -> bool:
    """Whether the transaction was a victim of another one and would pass the next time."""
    cause = getattr(error, "orig", None)
    return str(getattr(cause, "sqlstate", "") or getattr(cause, "pgcode", "")) in _AGAIN


def fault(error: SQLAlchemyError, address: Address, *, connected: bool) -> OperationalError:
    """The typed error for one of SQLAlchemy's; what it was about did not happen, or can be repeated.

    Args:
        error: as it was raised.
        address: of the database, for the sentence.
        connected: whether there was a connection when it was raised.
    """
    why = " ".join(str(getattr(error, "orig", None) or error).split())
    for words, kind, sentence in _WORDS:
        if any(word in why for word in words):
            return kind(f"{sentence.format(address=address)} ({why}).")
    if not connected:
        return StoreUnavailable(
            f"{address} cannot be reached ({why}). Check that the server runs and that the URL names it."
        )
    if is_lost(error):
        return StoreUnavailable(f"{address} did not answer ({why}).")
    return OperationalError(f"{address} answered: {why}")
