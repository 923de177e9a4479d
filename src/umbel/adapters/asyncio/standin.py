"""What is thrown into a coroutine in place of an error.

Code that waits for others (`TaskGroup`, ``wait_for``, the libraries built like them) cleans up on `CancelledError` and
on nothing else: any other exception thrown at its await would leave its children running. So the stand-in is an
instance of both the error's class and `CancelledError`. It has the error's arguments and attributes, prints as the
error does, and ``except SoftTimeLimitExceeded`` works as it reads. When it leaves the user's coroutine it is the error
itself again.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any


class StandIn(asyncio.CancelledError):
    """Marks stand-ins, and says for what."""

    original: BaseException


@functools.cache
def _kind(error: Any) -> Any:
    names = {"__module__": error.__module__, "__qualname__": error.__qualname__, "__doc__": error.__doc__}
    return type(error.__name__, (error, StandIn), names)


def stand_in(error: BaseException) -> BaseException:
    """An exception to throw in place of ``error``."""
    of: Any = type(error)
    kind = _kind(of)
    made: StandIn = kind.__new__(kind, *error.args)
    made.__dict__.update(error.__dict__)
    made.original = error
    return made


def restored(raised: BaseException) -> BaseException | None:
    """The error for which ``raised`` stands, alone or as all there is in a group; None when it stands for itself."""
    found = raised
    while isinstance(found, BaseExceptionGroup) and len(found.exceptions) == 1:
        found = found.exceptions[0]
    if not isinstance(found, StandIn):
        return None
    error = found.original
    error.__traceback__ = found.__traceback__
    error.__cause__ = found.__cause__
    error.__context__ = found.__context__
    error.__suppress_context__ = found.__suppress_context__
    return error
