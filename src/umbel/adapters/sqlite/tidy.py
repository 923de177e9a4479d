"""Housekeeping in bounded steps: what has expired or is over a limit goes, and the file gives its free pages back.

Results have no index on their expiry (it would cost each task a microsecond); a slow walk over all of them finds the
expired ones and those that another row of their id has replaced.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any, Final

from ... import clock
from . import wake
from .address import Address
from .link import Link
from .statements import named
from .values import as_json

STEP: Final = 500
"""Most rows that one statement removes."""

_WINDOW: Final = 2000
"""Results that one read looks at."""

_PATIENCE: Final = 0.05
"""Seconds that one call may walk on over results that stay."""

_FREE_PAGES: Final = 512
"""4 MB of free pages are kept for what comes next."""

_SQL: Final = named("tidy.sql")


class Tidier:
    """One bounded step at a time; remembers where its walks stand."""

    __slots__ = ("_address", "_bell", "_link", "_result", "_swept")

    def __init__(self, address: Address, link: Link) -> None:
        self._address = address
        self._link = link
        self._result = 0
        self._bell = -1
        self._swept = clock.monotonic()

    def step(self, limits: dict[str, float]) -> int:
        """See `umbel.broker.Owners.tidy`."""
        now = clock.wall()
        removed = self._link.write(_SQL["revocations"], (now, STEP))
        removed += self._link.write(_SQL["broadcasts"], (now, STEP)) + self._link.write(_SQL["replies"], (now, STEP))
        removed += self._dead_letters(now, limits) + self._results(now, int(limits.get("result_count", 0)))
        self._link.write(_SQL["misses"], (now - 60, STEP))
        self._bells()
        self._pages()
        return removed

    def _dead_letters(self, now: float, limits: dict[str, float]) -> int:
        age, count = limits.get("dead_age", 0), int(limits.get("dead_count", 0))
        if not age and not count:
            return 0
        return self._link.write(_SQL["dead"], (now - age if age else 0.0, count, STEP)) // 2

    def _results(self, now: float, most: int) -> int:
        end = clock.monotonic() + _PATIENCE
        while True:
            last: Any = self._link.read(_SQL["window"], (self._result, _WINDOW))[0][0]
            if last is None:
                self._result = 0
                break
            stale = self._link.read(_SQL["stale"], (self._result, last, now, STEP))
            if stale:
                self._result = stale[-1][0] if len(stale) == STEP else last
                return self._link.write(_SQL["drop_stale"], (as_json(stale),))
            self._result = last
            if clock.monotonic() > end:
                break
        if most and self._link.read(_SQL["span"])[0][0] > most:
            surplus = self._link.read(_SQL["surplus"], (most,))
            if surplus:
                return self._link.write(_SQL["drop_surplus"], (surplus[0][0], STEP))
        return 0

    def _bells(self) -> None:
        """Forget readers that are gone without a word, and once a minute their pipes."""
        bells = [bell for (bell,) in self._link.read(_SQL["bells"], (self._bell, STEP))]
        self._bell = bells[-1] if bells else -1
        gone = [bell for bell in bells if not _listened_to(wake.bell_pipe(self._address.path, bell))]
        if gone:
            self._link.write(named("result.sql")["unbell"], (as_json(gone),))
        if clock.monotonic() - self._swept > 60:
            self._swept = clock.monotonic()
            _sweep(Path(wake.folder_of(self._address.path)))

    def _pages(self) -> None:
        """Give free pages back to the file system.

        The pragma comes back to Python after each page, the one write that does (a statement of it frees 50 pages, in
        about a millisecond): only the supervisor tidies, whose interpreter runs no task.
        """
        for _ in range(20):
            free, pages = self._link.read("PRAGMA freelist_count")[0][0], self._link.read("PRAGMA page_count")[0][0]
            if free < max(_FREE_PAGES, pages // 4):
                return
            self._link.read("PRAGMA incremental_vacuum(50)")


def _listened_to(name: str) -> bool:
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return error.errno not in (errno.ENXIO, errno.ENOENT)
    return True


def _sweep(folder: Path) -> None:
    """Remove readers' pipes that are a minute old (by the system's clock) and have no reader."""
    if not folder.is_dir():
        return
    for path in folder.glob("w-*"):
        try:
            status = path.stat()
            if stat.S_ISFIFO(status.st_mode) and clock.wall() - status.st_mtime > 60 and not _listened_to(str(path)):
                path.unlink()
        except OSError:
            continue
