"""umbel's own kinds of schedules: `every` so long, `at` a time of the day, `once`. Cron strings are in `texts.py`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from .fields import ParseException, crontab_parser
from .timetable import Moment, Timetable, read_moment
from .zones import moment_of, wall

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - of a wall clock
_TIME: Final = re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?")
_DAY: Final = timedelta(days=1)


class every(Timetable):  # noqa: N801 - reads as words, beside Celery's
    """Again and again after the same duration, counted from `start`, or from 1970 in its zone.

    Durations are real ones: `every(days=1)` is 24 hours also on the day when clocks are put; `at` is for times of day.

    Args:
        weeks, days, hours, minutes, seconds: added up.
        options: `tz`, `start`, `end`, `jitter`, see `Timetable`.

    Raises:
        ValueError: the interval is not more than zero, or the jitter is longer.

    Example:
        >>> every(minutes=5).next_after(datetime(2026, 11, 21, 17, 2)).isoformat()
        '2026-11-21T17:05:00+00:00'
    """

    def __init__(
        self,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)  # first, so that a word that it does not know is told, and not the interval of 0
        self.interval = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        if self.interval <= timedelta(0):
            raise ValueError(f"An interval of {self.interval.total_seconds():g} seconds never ends; write more than 0.")
        if self.jitter > self.interval:
            raise ValueError(f"The jitter of {self.jitter} is longer than the interval of {self.interval}; write less.")

    def _after(self, moment: datetime) -> datetime:
        anchor = self.first or moment_of(_EPOCH, self.zone)
        return anchor + ((moment - anchor) // self.interval + 1) * self.interval

    def _options(self) -> dict[str, Any]:
        return {"seconds": self.interval.total_seconds(), **super()._options()}


class at(Timetable):  # noqa: N801 - reads as words
    """Every day, or on some days of the week, at times of the clock.

    Args:
        times: as "09:00" or "23:59:30".
        days: days of the week as `crontab` has them, for instance "mon-fri"; all unless given.
        options: `tz`, `start`, `end`, `jitter`, see `Timetable`.

    Raises:
        ValueError: there is no such time, or no such day.

    Example:
        >>> at("09:00", tz="Asia/Shanghai").next_after(datetime(2026, 11, 21, 17, 0)).isoformat()
        '2026-11-22T01:00:00+00:00'
    """

    def __init__(self, *times: str, days: str | None = None, **options: Any) -> None:
        if not times:
            raise ValueError('A schedule without a time would never run; write one, as at("09:00").')
        self.times = sorted({_time(one) for one in times})
        try:
            self.days = crontab_parser(7).parse("*" if days is None else days)
        except (ParseException, ValueError) as error:
            raise ValueError(f'{days!r} are no days of the week ({error}); write as "mon-fri" or "sat,sun".') from error
        self._given, self._days = times, days
        super().__init__(**options)

    def _after(self, moment: datetime) -> datetime:
        shown = wall(moment, self.zone)
        day = shown.date()
        while True:
            for found in self._of(day):
                if found > shown:
                    exact = moment_of(found, self.zone)
                    if exact > moment:  # not the second time of a day when clocks go back
                        return exact
            day += _DAY

    def _of(self, day: date) -> list[datetime]:
        fits = day.isoweekday() % 7 in self.days
        return [datetime.combine(day, one) for one in self.times] if fits else []

    def _positional(self) -> tuple[Any, ...]:
        return self._given

    def _options(self) -> dict[str, Any]:
        return {**({} if self._days is None else {"days": self._days}), **super()._options()}


class once(Timetable):  # noqa: N801 - reads as words
    """A single time.

    Args:
        moment: a datetime or ISO 8601; without a zone it is a time in `tz`.
        options: `tz` and `jitter`, see `Timetable`.

    Raises:
        ValueError: it is no moment.

    Example:
        >>> once("2027-01-31T09:00", tz="Europe/Berlin").next_after(datetime(2026, 1, 1)).isoformat()
        '2027-01-31T08:00:00+00:00'
    """

    def __init__(self, moment: Moment, **options: Any) -> None:
        given = read_moment(moment)
        if given is None:
            raise ValueError('A schedule without a moment would never run; write one, as once("2027-01-31T09:00").')
        self._given = given
        super().__init__(**options)
        if self._start or self._end:
            raise ValueError("A schedule that runs once has no start and no end; leave them out.")

    def _after(self, moment: datetime) -> datetime | None:
        given = self._given
        found = moment_of(given, self.zone) if given.utcoffset() is None else given.astimezone(UTC)
        return found if found > moment else None

    def _positional(self) -> tuple[Any, ...]:
        return (self._given,)


def _time(text: str) -> time:
    found = _TIME.fullmatch(str(text))
    hour, minute, second = (int(part or 0) for part in found.groups()) if found else (24, 0, 0)
    if hour < 24 and minute < 60 and second < 60:
        return time(hour, minute, second)
    raise ValueError(f'{text!r} is no time of a day; write hours and minutes, as "09:00".')
