"""A program on a terminal of its own, as a person sees it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import termios
import tty
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .until import until

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Screen:
    """What a program came to.

    Attributes:
        code: its exit code.
        raw: what it wrote to the terminal, colours and all.
    """

    code: int
    raw: str

    @property
    def lines(self) -> list[str]:
        """Its lines without colours and without spaces at their ends."""
        return [line.rstrip() for line in _STYLE.sub("", self.raw).splitlines()]


def on_terminal(*command: str | Path, folder: Path, env: Mapping[str, str], columns: int = 200) -> Screen:
    """Run a program whose output and error are a pseudo-terminal; its input is empty.

    Args:
        command: program and arguments.
        folder: where it runs.
        env: its environment.
        columns: width of the terminal.
    """
    ours, its = os.openpty()
    tty.setraw(its)
    settings = {**env, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "50"}
    try:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder, env=settings, stdin=subprocess.DEVNULL, stdout=its, stderr=its, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(its)
    written = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return Screen(process.wait(30), written.decode("utf-8", "replace"))


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Live:
    """A program on a terminal of its own, at which somebody types. As a context manager it is killed at its end.

    Args:
        command: program and arguments.
        folder: where it runs.
        env: its environment.
    """

    def __init__(self, *command: str | Path, folder: Path, env: Mapping[str, str]) -> None:
        self._ours, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        self._seen = ""
        settings = {**env, "TERM": "xterm"}
        try:
            self._process = subprocess.Popen(
                [str(word) for word in command], cwd=folder, env=settings, stdin=its, stdout=its, stderr=its,
                start_new_session=True, preexec_fn=_take_terminal,  # noqa: PLW1509 - so that ^C is a signal; it only makes a call of the system
            )  # fmt: skip
        finally:
            os.close(its)
        os.set_blocking(self._ours, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def press(self, keys: str) -> None:
        """Type; what was on the screen until now is not looked at again."""
        self._look()
        self._seen = ""
        os.write(self._ours, keys.encode())

    def shows(self, text: str, timeout: float = 15.0) -> str:
        """Wait until the program has drawn this; returns all that it has drawn since the last key."""

        def drawn() -> str:
            self._look()
            plain = _STYLE.sub("", self._seen)
            return plain if text in plain else ""

        return until(drawn, lambda: f"{text!r} is drawn; so far: {self._seen!r}", timeout=timeout)

    def ends(self, timeout: float = 15.0) -> int:
        """Wait for its end; returns the exit code."""
        code = until(lambda: [self._process.poll(), self._look()][:1] if self._process.poll() is not None else [],
                     "the program has ended", timeout=timeout)  # fmt: skip
        return code[0]

    def _look(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := _read(self._ours):
                self._seen += data.decode("utf-8", "replace")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except BlockingIOError:
        raise
    except OSError:  # Linux says so when nobody has the other side any more
        return b""
