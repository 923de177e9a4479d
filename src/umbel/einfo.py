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


class ExceptionWithTraceback(Exception):
    """An exception that brings the text of its traceback along, as Celery's pool sends one from a child.

    Here exceptions are not wrapped; the class is for those who ask whether one is.

    Attributes:
        exc: the exception.
        tb: the text.
    """

    def __init__(self, exc: BaseException, tb: str) -> None:
        super().__init__(exc, tb)
        self.exc = exc
        self.tb = tb

    def __str__(self) -> str:
        return self.tb
