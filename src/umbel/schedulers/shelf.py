"""The file of a `PersistentScheduler`: Celery's own, so either side goes on with what the other has written.

It is a shelve file, and its entries are pickled objects of Celery's classes. So each class that both have is written
under Celery's name, and read from there, whether or not there is a Celery in this process:

    umbel.schedulers.entry.ScheduleEntry  <-->  "celery.beat" "ScheduleEntry"

What only umbel has (`every`, `at`, `cron`) is written under its own name, which Celery cannot read. A pickle can run
any code when it is read, so the file belongs where only the scheduler's user may write, as in Celery.
"""

from __future__ import annotations

import contextlib
import io
import logging
import pickle
import shelve
from dbm import whichdb
from typing import Any, Final

from ..schedules import BeatLazyFunc, crontab, schedule, solar
from ..schedules.zones import aware
from .entry import ScheduleEntry

logger = logging.getLogger("umbel.beat")

_WRITTEN: Final[dict[Any, tuple[str, str]]] = {
    ScheduleEntry: ("celery.beat", "ScheduleEntry"),
    BeatLazyFunc: ("celery.beat", "BeatLazyFunc"),
    schedule: ("celery.schedules", "schedule"),
    crontab: ("celery.schedules", "crontab"),
    solar: ("celery.schedules", "solar"),
}
_READ: Final = {name: found for found, name in _WRITTEN.items()}


_Python: Any = pickle._Pickler  # noqa: SLF001 - only the one in Python lets names be chosen


class _Pickler(_Python):  # type: ignore[misc]
    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Write a class by its name: Celery's, where it has one."""
        found = _WRITTEN.get(obj) if isinstance(obj, type) else None
        if found is None:
            super().save_global(obj, name)
            return
        for word in found:
            self.save(word)
        self.write(pickle.STACK_GLOBAL)
        self.memoize(obj)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """What a name means: umbel's class for one of Celery's."""
        return _READ.get((module, name)) or super().find_class(module, name)


class Shelf(shelve.DbfilenameShelf[Any]):
    """A shelve file whose values are written and read under Celery's names."""

    def __del__(self) -> None:
        """Whoever wants to keep it closes it: at the end of an interpreter nothing can be pickled any more."""

    def __getitem__(self, key: str) -> Any:
        cache: dict[str, Any] = self.cache  # type: ignore[attr-defined]  # not in the stubs
        if key not in cache:
            value = _Unpickler(io.BytesIO(self.dict[key.encode()])).load()  # type: ignore[attr-defined]
            if not self.writeback:  # type: ignore[attr-defined]
                return value
            cache[key] = value
        return cache[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if self.writeback:  # type: ignore[attr-defined]
            self.cache[key] = value  # type: ignore[attr-defined]
        out = io.BytesIO()
        _Pickler(out, pickle.DEFAULT_PROTOCOL).dump(value)
        self.dict[key.encode()] = out.getvalue()  # type: ignore[attr-defined]


def last_runs(filename: str) -> dict[str, float]:
    """When the entries of such a file ran last: name -> unix time. Nothing, when there is none or it cannot be read.

    Args:
        filename: as `open` takes it; nothing is written to it.
    """
    if whichdb(filename) in (None, ""):
        return {}
    try:
        with contextlib.closing(open(filename, "r")) as file:
            return {name: aware(entry.last_run_at).timestamp() for name, entry in file["entries"].items()}
    except Exception as error:
        logger.warning("Nobody knows what ran last, the schedule file %s cannot be read: %r", filename, error)
        return {}


def open(filename: str, flag: str = "c", protocol: int | None = None, writeback: bool = False) -> Shelf:
    """Open such a file; arguments are those of `shelve.open`."""
    return Shelf(filename, flag, protocol, writeback)  # type: ignore[arg-type]
