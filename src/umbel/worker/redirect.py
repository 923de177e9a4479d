"""What a task prints, as lines of the log (`worker_redirect_stdouts`).

    print() -> a Stream in place of sys.stdout or sys.stderr -> logger "celery.redirected" -> the worker's handler

Each thread has its own unfinished line, and a line belongs to the task that began it, so that neither threads nor tasks
that follow one another are mixed. What the logging itself writes while a line is on its way goes to the true stream, or
a handler in trouble would log its trouble for ever.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from typing import TYPE_CHECKING, Final, TextIO

from ..current import request_var

if TYPE_CHECKING:
    from ..context import Context

REDIRECTED: Final = logging.getLogger("celery.redirected")


class _Line(threading.local):
    """The line that a thread has begun."""

    text = ""
    request: Context | None = None
    sending = False


class Stream(io.TextIOBase):
    """Takes the place of a text stream and logs each line.

    Args:
        true: the stream it stands for; programs that write to its file descriptor still reach it.
        level: number of the level of its lines.
    """

    def __init__(self, true: TextIO, level: int) -> None:
        super().__init__()
        self._true = true
        self._level = level
        self._line = _Line()

    def write(self, text: str, /) -> int:
        """Log the lines that ``text`` completes; keep what comes behind them."""
        line = self._line
        if line.sending:
            return self._true.write(text)
        request = request_var.get()
        if line.text and line.request is not request:
            self._send()
        line.request = request
        *whole, rest = (line.text + text).split("\n")
        for one in whole:
            line.text = one
            self._send()
        line.text = rest
        return len(text)

    def flush(self) -> None:
        """Log the line that was begun."""
        self._send()
        self._true.flush()

    def _send(self) -> None:
        line = self._line
        text, line.text = line.text.rstrip(), ""
        if not text or line.sending:
            return
        line.sending = True
        token = request_var.set(line.request)
        try:
            REDIRECTED.log(self._level, "%s", text)
        finally:
            request_var.reset(token)
            line.sending = False

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._true.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a plain attribute; the true stream's is asked
        return self._true.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # as above
        return self._true.errors


def redirect(level: int) -> None:
    """Put streams that log in place of this process's standard output and error."""
    for name in ("stdout", "stderr"):
        true = getattr(sys, name)
        if not isinstance(true, Stream):
            setattr(sys, name, Stream(true, level))
