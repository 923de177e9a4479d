"""PersistentScheduler: keeps in a file when each entry was sent last, so that a restart neither forgets nor repeats.

The file is Celery's (`shelf.py`): its keys are ``entries``, ``__version__``, ``tz`` and ``utc_enabled``. When the zone
or the use of UTC has changed since it was written, all entries begin anew, because their times meant something else.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import shelf
from .scheduler import Scheduler

if TYPE_CHECKING:
    from ..app import Umbel

logger = logging.getLogger("umbel.beat")

VERSION: Final = "5.7.0"
"""The release of Celery whose layout the file has."""

_HEAD: Final = ("__version__", "tz", "utc_enabled")


class PersistentScheduler(Scheduler):
    """A scheduler that survives its process.

    Args:
        app: the application.
        schedule_filename: the file; made when it is not there.
        args, kwargs: see `Scheduler`.
    """

    persistence: Any = shelf
    """What opens the file."""

    known_suffixes = ("", ".db", ".dat", ".bak", ".dir")
    """What kinds of database files put behind the name."""

    _store: Any = None
    _read: Any = None

    def __init__(self, app: Umbel, *args: Any, **kwargs: Any) -> None:
        self.schedule_filename = kwargs.get("schedule_filename") or app.conf.beat_schedule_filename
        super().__init__(app, *args, **kwargs)

    def setup_schedule(self) -> None:
        """Open the file, and make it say what the configuration says."""
        try:
            self._store = self._open_schedule()
            self._store.keys()  # some damage shows only now
        except Exception as error:
            self._store = self._destroy_open_corrupted_schedule(error)
        self._create_schedule()
        conf = self.app.conf
        self._reset_changed("tz", conf.timezone, "The time zone")
        self._reset_changed("utc_enabled", conf.enable_utc, "enable_utc")
        self._store.setdefault("entries", {})
        self.merge_inplace(conf.beat_schedule)
        self.install_default_entries(self.schedule)
        self._store.update(dict(zip(_HEAD, (VERSION, conf.timezone, conf.enable_utc), strict=True)))
        self.sync()
        logger.debug("Current schedule:\n%s", "\n".join(map(repr, self.schedule.values())))

    def _open_schedule(self) -> Any:
        return self.persistence.open(self.schedule_filename, writeback=True)

    def _create_schedule(self) -> None:
        """Make sure that there are entries, and that they can be read."""
        for _ in range(2):
            try:
                self._store["entries"]
            except KeyError:
                self._store["entries"] = {}
            except Exception as error:
                self._store = self._destroy_open_corrupted_schedule(error)
                continue
            else:
                missing = [name for name in _HEAD if name not in self._store]
                if missing:
                    logger.warning("The schedule file %s has no %s: it begins anew", self.schedule_filename, missing[0])
                    self._store.clear()
            return

    def _reset_changed(self, key: str, value: Any, what: str) -> None:
        stored = self._store.get(key)
        if stored is not None and stored != value:
            logger.warning("%s was %r when %s was written, and is %r: all entries begin anew", what, stored,
                           self.schedule_filename, value)  # fmt: skip
            self._store.clear()

    def _destroy_open_corrupted_schedule(self, exc: BaseException) -> Any:
        logger.error("The schedule file %r cannot be read, it is moved aside: %r", self.schedule_filename, exc)
        if self._store is not None:
            with contextlib.suppress(Exception):  # whatever is wrong with it was told
                self._store.dict.close()  # not the shelf itself, which would write what it holds
        self._remove_db()
        return self._open_schedule()

    def _remove_db(self) -> None:
        """Take the file out of the way. Nothing is deleted: somebody may want to know what has become of it."""
        for suffix in self.known_suffixes:
            path = Path(f"{self.schedule_filename}{suffix}")
            if path.exists():
                path.replace(f"{self.schedule_filename}.unreadable{suffix}")

    def get_schedule(self) -> Any:
        """Name -> entry, as the file has it."""
        entries = self._store["entries"]
        if entries is not self._read:  # anew from the file, which knows no app
            self._read = entries
            for entry in entries.values():
                entry.app = self.app
                if entry.schedule is not None:
                    entry.schedule.app = self.app
        return entries

    def set_schedule(self, schedule: Any) -> None:
        """Put others in their place."""
        self._store["entries"] = schedule

    schedule: Any = property(get_schedule, set_schedule)

    def sync(self) -> None:
        """Write to the file what has changed."""
        if self._store is not None:
            self._store.sync()

    def close(self) -> None:
        """Write, and close the file."""
        try:
            super().close()
        finally:
            if self._store is not None:
                self._store.close()

    @property
    def info(self) -> str:
        """The file, for the banner."""
        return f"    . db -> {self.schedule_filename}"
