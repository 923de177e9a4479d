"""A program on a terminal of its own, as a person sees it."""

from __future__ import annotations

import os
import re
import subprocess
import tty
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when nobody has the other side any more
        return b""
