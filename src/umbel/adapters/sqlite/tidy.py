"""Housekeeping in bounded steps: what has expired or is over a limit goes, and the file gives its free pages back.

Results have no index on their expiry (it would cost each task a microsecond); a slow walk over all packs finds the
expired ones and those that another result of their id has replaced.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ... import clock
from ...states import READY_STATES
from . import wake
from .address import Address
from .backend import packs_of, strike
from .link import Link, Rows
from .packs import keys_of, standing, unpacked
from .statements import named
from .values import as_json, padded

STEP: Final = 500
"""Most rows that one statement removes."""

_WINDOW: Final = 500
"""Packs that one read looks at."""

_PATIENCE: Final = 0.05
"""Seconds that one call may walk on over results that stay."""

_FREE_PAGES: Final = 1024
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
        removed += self._link.write(_SQL["joins"], (now, STEP))
        self._link.write(_SQL["members"], (STEP,))
        self._link.write(_SQL["added"], (STEP,))
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
            window = self._link.read(_SQL["window"], (self._result, _WINDOW))
            if not window:
                self._result = 0
                break
            stale = [seq for seq, expires, _ in window if 0 < expires <= now] + self._replaced(window)
            if stale:
                return self._drop(sorted(stale))
            self._result = window[-1][0]
            if clock.monotonic() > end:
                break
        if most and self._link.read(_SQL["span"])[0][0] > most:
            return self._drop([seq for (seq,) in self._link.read(_SQL["surplus"], (most, STEP))]) or self._cut(most)
        return 0

    def _cut(self, most: int) -> int:
        """Take out of one pack what is more than the newest `most` results; how many that were."""
        for seq, extra, meta, docs in self._link.read(_SQL["edge"], (most,)):
            entries = list(unpacked(seq, 0.0, meta, docs, range(extra)))
            if entries and strike(self._link, [(meta, docs, entries)]):
                return len(entries)
        return 0

    def _replaced(self, window: Rows) -> list[int]:
        """Packs of a single state that is not terminal and that another result of its id has replaced."""
        single: dict[int, str] = {}
        for seq, expires, meta in window:
            for entry in unpacked(seq, expires, meta, b"") if meta is not None else ():
                if entry.record.status not in READY_STATES:
                    single[seq] = entry.record.id
        if not single:
            return []
        seen = standing(entry for _, _, entries in packs_of(self._link, single.values()) for entry in entries)
        return [seq for seq, task_id in single.items() if task_id in seen and seen[task_id].seq != seq]

    def _drop(self, seqs: list[int]) -> int:
        """Remove the first of these packs, up to `STEP` results; how many results that were."""
        rows: list[Sequence[Any]] = []
        held = 0
        for seq, count, meta in self._link.read(_SQL["metas"], (as_json(seqs),)):
            if rows and held + count > STEP:
                break
            rows.append((seq, meta, None, None, keys_of(meta)))
            held += count
        return held if rows and self._link.write(*padded(named("result.sql")["strike"], rows)) else 0

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
