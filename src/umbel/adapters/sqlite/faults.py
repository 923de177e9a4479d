"""Every error of the library becomes one of umbel's, with a sentence that says what to do. None leaks."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

import apsw

from ...exceptions import (
    OperationalError,
    QueueFull,
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreUnavailable,
)

QUEUE_FULL: Final = "umbel: queue full"
"""The message that a trigger raises when a limit is exceeded (triggers.sql)."""

FENCED: Final = "umbel: fenced"
"""The message that a trigger raises when a message is not held as the outcome says (triggers.sql)."""


DEPOSED: Final = "umbel: deposed"
"""The message that a trigger raises when ticks are not the leader's, or do not follow their marks (five.sql)."""


class Deposed(OperationalError):
    """Within this room only: nothing of these ticks happened."""


class Fenced(OperationalError):
    """Within this room only: an outcome's message is not held under its claim number, nothing of the turn happened."""


_RAISED: Final[dict[str, Callable[[], OperationalError]]] = {
    FENCED: lambda: Fenced("An outcome's message is not held any more."),
    DEPOSED: lambda: Deposed("These ticks are not the leader's."),
    QUEUE_FULL: lambda: QueueFull("The queue is full"),
}
"""What triggers raise -> the error."""

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def translated(error: apsw.Error, path: str, system_errno: int = 0) -> OperationalError:
    """The typed error for what the library raised.

    Args:
        error: as raised.
        path: of the store's file, for the sentence.
        system_errno: the system's number for an input or output error, 0 when unknown.

    Returns:
        an error to raise; nothing of the failed statement happened.
    """
    text = str(error)
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return StoreLocked(
            f"{path} stayed locked by another process until the deadline. Find who holds it (`fuser {path}`), or allow "
            "more time with ?timeout=SECONDS in the URL."
        )
    if isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and system_errno in _NO_ROOM):
        return StoreFull(f"There is no room left to write to {path}. Free space on its disk, then repeat.")
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError):
        return StoreReadOnly(
            f"{path} can be read but not written. Give this user write permission to it and its folder."
        )
    if isinstance(error, apsw.NotADBError):
        return StoreDamaged(f"{path} is not a SQLite file. Name another file in the URL, or move this one away.")
    if isinstance(error, apsw.CorruptError):
        return StoreDamaged(
            f"{path} is damaged ({text}). Move it away, and save what `sqlite3 {path} .recover` can read."
        )
    if isinstance(error, apsw.CantOpenError):
        return StoreUnavailable(f"{path} cannot be opened ({text}). Check that its folder exists and is writable.")
    if isinstance(error, apsw.ConstraintError):
        return next((make() for word, make in _RAISED.items() if word in text), OperationalError(f"{path}: {text}"))
    if isinstance(error, apsw.IOError):
        reason = errno.errorcode.get(system_errno, text)
        return StoreUnavailable(f"{path} cannot be read or written ({reason}). Check its disk.")
    if isinstance(error, apsw.TooBigError):
        return OperationalError("A message or result is larger than 1 GB; store it elsewhere and send a reference.")
    if isinstance(error, apsw.SQLError):
        return StoreDamaged(
            f"{path} does not have umbel's tables ({text}). Name another file in the URL, or move it away."
        )
    return OperationalError(f"{path}: {text}")
