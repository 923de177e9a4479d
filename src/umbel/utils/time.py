"""Durations in words, and times that know their zone, by the names that packages written for Celery have for them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

_UNITS: Final = (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0), ("second", 1.0))


def humanize_seconds(
    secs: float, prefix: str = "", sep: str = "", now: str = "now", microseconds: bool = False
) -> str:  # fmt: skip
    """A duration in the largest unit that fits.

    Args:
        secs: seconds.
        prefix, sep: what stands before it.
        now: what no second is called.
        microseconds: write parts of a second too.

    Example:
        >>> humanize_seconds(300), humanize_seconds(1, "in ", ""), humanize_seconds(0)
        ('5.00 minutes', 'in 1.00 second', 'now')
    """
    rounded = round(float(secs), 2)
    for name, unit in _UNITS:
        count = rounded / unit
        if count >= 1:
            return f"{prefix}{sep}{count:.2f} {name}{'' if count == 1 else 's'}"
    return f"{prefix}{sep}{rounded:.2f} seconds" if microseconds and rounded > 0 else now


def maybe_make_aware(dt: datetime, tz: str | tzinfo | None = None, naive_as_utc: bool = True) -> datetime:
    """A time with a zone; one that has a zone stays as it is.

    Args:
        dt: the time.
        tz: the zone, or its name; UTC unless given.
        naive_as_utc: without a zone it is UTC's; otherwise a local time of ``tz``.

    Example:
        >>> maybe_make_aware(datetime(2027, 1, 1, 12), "Asia/Shanghai").isoformat()
        '2027-01-01T20:00:00+08:00'
    """
    if dt.utcoffset() is not None:
        return dt
    zone = UTC if tz is None else ZoneInfo(tz) if isinstance(tz, str) else tz
    return dt.replace(tzinfo=UTC).astimezone(zone) if naive_as_utc else dt.replace(tzinfo=zone)


def maybe_timedelta(delta: Any) -> Any:
    """A number of seconds as a `timedelta`; what is none stays as it is.

    Example:
        >>> maybe_timedelta(90)
        datetime.timedelta(seconds=90)
    """
    return timedelta(seconds=delta) if isinstance(delta, int | float) else delta


def interval(limit: Any) -> float:
    """Seconds between two starts under a rate limit as Celery writes it; 0.0 for none.

    Args:
        limit: a number a second, or a text such as ``"10/s"``, ``"100/m"``, ``"5/h"``; None or 0: no limit.

    Raises:
        ValueError: it is none of these.

    Example:
        >>> interval("30/m"), interval(4), interval(None), interval("0")
        (2.0, 0.25, 0.0, 0.0)
    """
    if not limit:
        return 0.0
    number, _, unit = str(limit).partition("/")
    seconds = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(unit.strip() or "s")
    try:
        rate = float(number)
    except ValueError:
        rate = math.nan
    if seconds is None or not 0 <= rate < math.inf:
        raise ValueError(f"{limit!r} is no rate limit: write a number a second, or 10/s, 100/m, 5/h.")
    return seconds / rate if rate else 0.0


class Zones:
    """Time zones, and times in them."""

    @property
    def utc(self) -> tzinfo:
        """The zone UTC."""
        return UTC

    @property
    def local(self) -> tzinfo:
        """The zone of this machine, as it is now."""
        return datetime.now().astimezone().tzinfo or UTC

    def get_timezone(self, zone: str | tzinfo) -> tzinfo:
        """The zone of a name; an object that is one stays."""
        return ZoneInfo(zone) if isinstance(zone, str) else zone

    def tz_or_local(self, tzinfo: str | tzinfo | None = None) -> tzinfo:
        """A zone, that of this machine unless one is given."""
        return self.local if tzinfo is None else self.get_timezone(tzinfo)

    def to_local(self, dt: datetime, local: str | tzinfo | None = None, orig: tzinfo | None = None) -> datetime:
        """A time in a zone.

        Args:
            dt: the time.
            local: the zone; that of this machine unless given.
            orig: the zone of a time that names none; UTC unless given.
        """
        return (dt if dt.tzinfo else dt.replace(tzinfo=orig or UTC)).astimezone(self.tz_or_local(local))

    def to_system(self, dt: datetime) -> datetime:
        """A time in the zone of this machine.

        Example:
            >>> moment = datetime(2027, 1, 1, tzinfo=UTC)
            >>> timezone.to_system(moment) == moment
            True
        """
        return dt.astimezone()

    def to_local_fallback(self, dt: datetime) -> datetime:
        """The same; a time without a zone is one of this machine already."""
        return dt.astimezone()


timezone: Final = Zones()
"""The zones, by Celery's name."""
