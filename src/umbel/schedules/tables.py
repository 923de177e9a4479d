"""Celery's `crontab`: times that fit five fields, all of them at once.

Unlike cron, a day must fit day of month **and** day of week **and** month. On days when clocks are put it does what
Celery does: a time that does not exist runs as much later as the clocks jump, and one that exists twice runs once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from .base import BaseSchedule, schedstate
from .fields import expand
from .zones import aware, wall, zone_of

Cronspec = int | str | Iterable[int]

_LONGEST: Final = dict.fromkeys(range(1, 13), 31) | {2: 29} | dict.fromkeys((4, 6, 9, 11), 30)
_MICROSECOND: Final = timedelta(microseconds=1)


class crontab(BaseSchedule):  # noqa: N801 - Celery's name
    """Times that fit the fields: numbers, collections of numbers, or texts as `"*/15"`, `"8-17"`, `"mon,fri"`.

    Args:
        minute: 0-59.
        hour: 0-23.
        day_of_week: 0-6, Sunday is 0; or names.
        day_of_month: 1-31.
        month_of_year: 1-12, or names.
        kwargs: `nowfun` and `app`, see `BaseSchedule`.

    Raises:
        ValueError: a value is out of its range, or no month has such a day.
        ParseException: a text is not of the grammar.

    Example:
        >>> crontab(minute=0, hour="8-17/3", day_of_week="mon-fri")
        <crontab: 0 8-17/3 * * mon-fri (m/h/dM/MY/d)>
    """

    def __init__(
        self,
        minute: Cronspec = "*",
        hour: Cronspec = "*",
        day_of_week: Cronspec = "*",
        day_of_month: Cronspec = "*",
        month_of_year: Cronspec = "*",
        **kwargs: Any,
    ) -> None:
        self._given = (minute, hour, day_of_week, day_of_month, month_of_year)
        self._orig_minute, self._orig_hour, self._orig_day_of_week = minute, hour, day_of_week
        self._orig_day_of_month, self._orig_month_of_year = day_of_month, month_of_year
        self._orig_kwargs = kwargs
        self.minute = expand(minute, 60)
        self.hour = expand(hour, 24)
        self.day_of_week = expand(day_of_week, 7)
        self.day_of_month = expand(day_of_month, 31, 1)
        self.month_of_year = expand(month_of_year, 12, 1)
        if min(self.day_of_month) > max(_LONGEST[month] for month in self.month_of_year):
            raise ValueError(
                f"This crontab would never run: there is no day {day_of_month} in month {month_of_year}; write another."
            )
        super().__init__(**kwargs)

    @classmethod
    def from_string(cls, crontab: str) -> crontab:
        """A crontab from a line of cron: minute, hour, day of month, month, day of week.

        Raises:
            ValueError: these are not five fields.
        """
        fields = crontab.split()
        if len(fields) != 5:
            raise ValueError(
                f"{crontab!r} has {len(fields)} fields; write minute, hour, day of month, month, day of week."
            )
        minute, hour, day_of_month, month_of_year, day_of_week = fields
        return cls(minute, hour, day_of_week, day_of_month, month_of_year)

    def remaining_delta(
        self, last_run_at: datetime, tz: str | tzinfo | None = None, ffwd: Any = None
    ) -> tuple[datetime, timedelta, datetime]:
        """The last run and the present in the schedule's zone, and what to add to the former's wall clock."""
        zone = zone_of(tz or self.tz)
        last = self.maybe_make_aware(last_run_at).astimezone(zone)
        shown = last.replace(tzinfo=None, fold=0)
        return last, self._following(shown) - shown, self.maybe_make_aware(self.now()).astimezone(zone)

    def remaining_estimate(self, last_run_at: datetime, ffwd: Any = None) -> timedelta:
        """Time from now until the first time that fits after `last_run_at`; negative when it is over."""
        last, delta, now = self.remaining_delta(last_run_at)
        return (last + delta).astimezone(UTC) - now.astimezone(UTC)

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        """Whether it is time, and in how many seconds it is worth asking again.

        With `beat_cron_starting_deadline` a run that was missed longer ago than that many seconds is not caught up.
        """
        left = self.remaining_estimate(last_run_at).total_seconds()
        if left > 0:
            return schedstate(False, left)
        app = self.app
        deadline = None if app is None else app.conf.beat_cron_starting_deadline
        due = True
        if deadline is not None and left < 0:
            since = aware(self.now()) - timedelta(seconds=deadline) - _MICROSECOND
            due = self.remaining_estimate(since).total_seconds() <= 0
        return schedstate(due, max(self.remaining_estimate(self.now()).total_seconds(), 0))

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time that fits after a moment, in UTC."""
        begin = aware(moment)
        shown = wall(begin, self.tz)
        while True:
            shown = self._following(shown)
            found = shown.replace(tzinfo=self.tz).astimezone(UTC)
            if found > begin:  # not when clocks went back, and this time was over before
                return found

    def _following(self, shown: datetime) -> datetime:
        """The first wall time that fits in a later minute."""
        if self._fits(shown.date()):
            for hour in sorted(self.hour):
                for minute in sorted(self.minute):
                    if (hour, minute) > (shown.hour, shown.minute):
                        return shown.replace(hour=hour, minute=minute, second=0, microsecond=0)
        day = self._day_after(shown.date())
        return datetime.combine(day, time(min(self.hour), min(self.minute)))

    def _fits(self, day: date) -> bool:
        return (
            day.month in self.month_of_year
            and day.day in self.day_of_month
            and day.isoweekday() % 7 in self.day_of_week
        )

    def _day_after(self, day: date) -> date:
        """The next day that fits; 29 February on a Monday may be forty years away."""
        year, month, first = day.year, day.month, day.day + 1
        while True:
            if month in self.month_of_year:
                for number in sorted(self.day_of_month):
                    if first <= number <= _days(year, month) and self._fits(date(year, month, number)):
                        return date(year, month, number)
            year, month, first = year + month // 12, month % 12 + 1, 1

    def __repr__(self) -> str:
        minute, hour, day_of_week, day_of_month, month_of_year = self._given
        return f"<crontab: {minute} {hour} {day_of_month} {month_of_year} {day_of_week} (m/h/dM/MY/d)>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, crontab):
            return NotImplemented
        mine = (self.minute, self.hour, self.day_of_week, self.day_of_month, self.month_of_year)
        theirs = (other.minute, other.hour, other.day_of_week, other.day_of_month, other.month_of_year)
        return mine == theirs and bool(super().__eq__(other))

    __hash__ = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given, self._orig_kwargs

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__init__(**state)
        self._orig_kwargs = dict(state)


def _days(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 28 if month == 2 and not leap else _LONGEST[month]
