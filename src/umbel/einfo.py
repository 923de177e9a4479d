"""What the hooks ``on_failure``, ``on_retry`` and ``after_return`` get about an exception."""

from __future__ import annotations

from types import TracebackType


class ExceptionInfo:
    """An exception with its traceback text.

    Attributes:
        type, exception, tb: as `sys.exc_info` gives them.
        traceback: the text.
        internal: always False: the exception came from the task.
    """

    internal = False

    def __init__(self, error: BaseException, traceback: str) -> None:
        self.type: type[BaseException] = type(error)
        self.exception = error
        self.traceback = traceback
        self.tb: TracebackType | None = error.__traceback__

    @property
    def exc_info(self) -> tuple[type[BaseException], BaseException, TracebackType | None]:
        return self.type, self.exception, self.tb

    def __str__(self) -> str:
        return self.traceback

    def __repr__(self) -> str:
        return f"<ExceptionInfo: {self.exception!r}>"
