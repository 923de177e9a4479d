"""Celery's `schedule`: so long after the last run, or at the round times of the clock.

    schedule(30)                           30 seconds after the last run
    schedule(timedelta(hours=1), True)     relative: at full hours; in the same way at full minutes, or at midnight

Durations are real ones, but a relative interval of days is days of the calendar.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from numbers import Real
from typing import Any, Final

from ..utils.time import humanize_seconds
from .base import BaseSchedule, schedstate
from .zones import aware, occurrences, wall

_UNITS: Final = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


class schedule(BaseSchedule):  # noqa: N801 - Celery's name
    """A task that runs again so long after its last run.

    Args:
        run_every: seconds or a timedelta.
        relative: at round times instead, in the interval's own unit (day, hour, minute, second): the latest round time
            of the clock that is not more than the interval after the last run, in the zone of the last run.
        nowfun, app: see `BaseSchedule`.

    Raises:
        ValueError: the interval is negative.

    Example:
        >>> schedule(300)
        <freq: 5.00 minutes>
    """

    relative: bool = False

    def __init__(
        self,
        run_every: float | timedelta | None = None,
        relative: bool = False,
        nowfun: Callable[[], datetime] | None = None,
        app: Any = None,
    ) -> None:
        given: Any = run_every
        every = timedelta(seconds=float(given)) if isinstance(given, Real) else given
        if isinstance(every, timedelta) and every < timedelta(0):
            raise ValueError(f"An interval of {every.total_seconds():g} seconds is negative; write more than 0.")
        self.run_every = every
        self.relative = relative
        super().__init__(nowfun=nowfun, app=app)

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """Time from now until the next run after `last_run_at`."""
        return self._next(self.maybe_make_aware(last_run_at)) - aware(self.now())

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        """Whether it is time, and in how many seconds it is worth asking again."""
        last = self.maybe_make_aware(last_run_at)
        now = aware(self.now())
        left = (self._next(last) - now).total_seconds()
        if left > 0:
            return schedstate(False, left)
        following = (self._next(now.astimezone(last.tzinfo)) - now).total_seconds() if self.relative else 0
        return schedstate(True, following if following > 0 else self.seconds)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time to run after a run at this moment."""
        return self._next(self.maybe_make_aware(moment))

    def _next(self, last: datetime) -> datetime:
        end = last.astimezone(UTC) + self.run_every
        return self._rounded(last, end) if self.relative else end

    def _rounded(self, last: datetime, end: datetime) -> datetime:
        zone = last.tzinfo or UTC
        begin = last.astimezone(UTC)
        if self.run_every >= _DAY:  # days of the calendar, however long they are
            day = _floor(last.replace(tzinfo=None, fold=0) + self.run_every, _DAY)
            return next((found for found in occurrences(day, zone) if found > begin), end)
        unit = next((length for _, length in _UNITS if self.run_every >= length), _SECOND)
        ends = occurrences(_floor(wall(end, zone), unit), zone)
        rounded = max((found for found in ends if found <= end), default=ends[0])
        if rounded > begin or unit == _SECOND:
            return rounded
        # Clocks went back by less than the unit, so that the round time was before the last run.
        shown = wall(last, zone) + self.run_every
        ends += occurrences(_floor(wall(end, zone) + unit, unit), zone) + occurrences(_floor(shown, unit), zone)
        later = sorted(found for found in ends if found > begin)
        return max((found for found in later if found <= end), default=later[0] if later else end)

    @property
    def seconds(self) -> float:
        """The interval in seconds."""
        return float(max(self.run_every.total_seconds(), 0))

    @property
    def human_seconds(self) -> str:
        """The interval in words."""
        return humanize_seconds(self.seconds)

    def __repr__(self) -> str:
        return f"<freq: {self.human_seconds}>"

    def __eq__(self, other: object) -> bool:
        return bool(self.run_every == (other.run_every if isinstance(other, schedule) else other))

    __hash__ = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.run_every, self.relative, self.nowfun)


def _floor(time: datetime, unit: timedelta) -> datetime:
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (time - midnight) // unit * unit
