"""Cron strings: five fields, six with seconds in front, or a name as `@daily`. cronsim reads them.

cronsim is asked for times of a clock that is never put; which moments they are is decided here, by one of two rules:

    the hour is named ("30 2 * * *")     a time that does not exist fires at the first valid moment, one that exists
                                         twice fires once
    every hour ("*/15 * * * *")          no time of the day is meant: it fires whenever the clock shows such a minute,
                                         in both of two like hours, so that it never falls silent for an hour
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from cronsim import CronSim, CronSimError

from .timetable import Timetable
from .zones import moment_of, next_change, wall

NAMES: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip

_SECOND: Final = timedelta(seconds=1)


class cron(Timetable):  # noqa: N801 - reads as words
    """The times of a cron string: minute, hour, day of month, month, day of week; or seconds before those.

    As in cron, and unlike `crontab`, a day fits by day of month **or** by day of week when neither begins with a star.
    `L` is the last day of a month, `LW` its last working day, `fri#2` the second Friday, `5L` the last one.

    Args:
        text: the string, or `@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly`.
        options: `tz`, `start`, `end`, `jitter`, see `Timetable`.

    Raises:
        ValueError: it cannot be read, or no day fits it.

    Example:
        >>> cron("0 9 * * mon-fri", tz="Asia/Shanghai").next_after(datetime(2026, 11, 21)).isoformat()
        '2026-11-23T01:00:00+00:00'
    """

    def __init__(self, text: str, **options: Any) -> None:
        self.text = text
        self._spec = NAMES.get(text.strip().lower(), text)
        try:
            read = CronSim(self._spec, datetime(2000, 1, 1))  # noqa: DTZ001 - of a wall clock
        except CronSimError as error:
            raise ValueError(
                f'The cron string {text!r} cannot be read or has no day ({error}); write five fields, as "0 9 * * *".'
            ) from error
        if next(read, None) is None:
            raise ValueError(f"The cron string {text!r} would never run: no day of 50 years fits it.")
        self.hourly = len(read.hours) == 24
        super().__init__(**options)

    def _after(self, moment: datetime) -> datetime | None:
        return self._whenever_shown(moment) if self.hourly else self._as_named(moment)

    def _as_named(self, moment: datetime) -> datetime | None:
        for time in CronSim(self._spec, wall(moment, self.zone)):
            found = moment_of(time, self.zone)
            if found > moment:  # not the second time of a day when clocks go back
                return found
        return None

    def _whenever_shown(self, moment: datetime) -> datetime | None:
        begin = moment.replace(microsecond=0)
        while True:
            shown = wall(begin, self.zone)
            time = next(CronSim(self._spec, shown), None)
            if time is None:
                return None
            found = begin + (time - shown)
            change = next_change(begin, found, self.zone)
            if change is None:
                return found
            first = wall(change, self.zone)  # nothing fits until there, and from there the clock shows something else
            if next(CronSim(self._spec, first - _SECOND), None) == first:
                return change
            begin = change

    def _positional(self) -> tuple[Any, ...]:
        return (self.text,)
