"""umbel's own schedules: times that follow from the schedule alone, never from when the last run happened to be.

    nominal time   a moment that fits the schedule; the same for whoever asks, so that it can name the run
    delay          the jitter of one nominal time; also the same for whoever asks
    fires          at the nominal time + the delay

The rule for days when clocks are put, in the schedule's own zone: a local time that does not exist fires once, at the
first valid moment; one that exists twice fires once, the first time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from typing import Any, Final

from .base import BaseSchedule, schedstate
from .zones import aware, moment_of, zone_of

NEVER: Final = timedelta(days=366)
"""What `remaining_estimate` says when there is no other run: look again in a year."""

_MICROSECOND: Final = timedelta(microseconds=1)

Moment = datetime | str
"""A datetime, or ISO 8601; without a zone it is a time in the schedule's own."""


class Timetable(BaseSchedule):
    """What `cron`, `every`, `at` and `once` have in common.

    Args:
        tz: name of an IANA time zone, or a tzinfo; the app's unless given.
        start, end: the first and the last moment at which it may fire, both included; no bound unless given.
        jitter: seconds or a timedelta; each nominal time is delayed by a part of it, so that many do not fire at once.
        nowfun, app: see `BaseSchedule`.

    Raises:
        ValueError: there is no such zone, the end is before the start, the jitter is negative.
    """

    def __init__(
        self,
        *,
        tz: str | tzinfo | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        jitter: float | timedelta = 0,
        nowfun: Callable[[], datetime] | None = None,
        app: Any = None,
    ) -> None:
        super().__init__(nowfun=nowfun, app=app)
        self._own_zone = None if tz is None else zone_of(tz)
        self._start, self._end = read_moment(start), read_moment(end)
        self.jitter = jitter if isinstance(jitter, timedelta) else timedelta(seconds=jitter)
        if self.jitter < timedelta(0):
            raise ValueError(f"A jitter of {self.jitter.total_seconds():g} seconds is negative; write 0 or more.")
        first, last = (_in(given, self._own_zone or UTC) for given in (self._start, self._end))
        if first is not None and last is not None and last < first:  # the app is not asked yet: it may not be read
            raise ValueError(f"The end {self._end} is before the start {self._start}, so that it would never run.")

    @property
    def zone(self) -> tzinfo:
        """The zone of the local times: its own, else the app's."""
        return self.tz if self._own_zone is None else self._own_zone

    @property
    def first(self) -> datetime | None:
        """`start` in UTC."""
        return _in(self._start, self.zone) if self._start else None

    @property
    def last(self) -> datetime | None:
        """`end` in UTC."""
        return _in(self._end, self.zone) if self._end else None

    def next_after(self, moment: datetime) -> datetime | None:
        """The first nominal time after a moment.

        Args:
            moment: strictly before the answer; UTC when it has no zone.

        Returns:
            A moment in UTC, or None when there is no other one.
        """
        begin, first, last = aware(moment), self.first, self.last
        if first is not None:
            begin = max(begin, first - _MICROSECOND)
        found = self._after(begin)
        return None if found is None or (last is not None and found > last) else found

    def delay(self, nominal: datetime, key: str = "") -> timedelta:
        """The jitter of one nominal time: at least 0, less than `jitter`, the same in every process.

        Args:
            nominal: what `next_after` answered.
            key: whose run it is, for instance the entry's name; each has delays of its own.
        """
        text = f"{key or self!r}|{aware(nominal).isoformat()}"
        part = int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48
        return timedelta(microseconds=int(self.jitter / _MICROSECOND * part))

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """Time from now until it fires after `last_run_at`; negative when that is over, `NEVER` when it is the end."""
        found = self.next_after(last_run_at)
        return NEVER if found is None else found + self.delay(found) - aware(self.now())

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        """Whether it is time, and in how many seconds it is worth asking again."""
        left = self.remaining_estimate(last_run_at).total_seconds()
        return super().is_due(last_run_at) if left <= 0 else schedstate(False, left)

    def _after(self, moment: datetime) -> datetime | None:
        """The first nominal time after a moment in UTC, bounds left aside."""
        raise TypeError(f"{type(self).__name__} must say in _after when it runs next")

    def _options(self) -> dict[str, Any]:
        """The arguments that are not at their default, as they were given."""
        zone = self._own_zone
        found = {
            "tz": getattr(zone, "key", zone), "start": self._start, "end": self._end, "jitter": self.jitter or None,
            "nowfun": self.nowfun,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    def _positional(self) -> tuple[Any, ...]:
        return ()

    def __repr__(self) -> str:
        shown = [_shown(one) for one in self._positional()]
        shown += [f"{name}={_shown(value)}" for name, value in self._options().items()]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Timetable):
            return NotImplemented
        return (type(self), self._positional(), self._options()) == (type(other), other._positional(), other._options())

    __hash__ = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self._positional(), self._options())


def _in(given: datetime | None, zone: tzinfo) -> datetime | None:
    """The moment of a time that is in this zone when it has none of its own."""
    if given is None or given.utcoffset() is not None:
        return given and given.astimezone(UTC)
    return moment_of(given, zone)


def _again(kind: Callable[..., Timetable], positional: tuple[Any, ...], options: dict[str, Any]) -> Timetable:
    return kind(*positional, **options)


def read_moment(given: Moment | None) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    try:
        return datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise ValueError(f'{given!r} is no moment; write a datetime or ISO 8601, as "2027-01-31T09:00".') from None


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return repr(value.isoformat())
    return f"{value.total_seconds():g}" if isinstance(value, timedelta) else repr(value)
