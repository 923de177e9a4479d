"""When local times come to pass, reckoned from zoneinfo alone: no code of umbel's is used here.

It walks through real time step by step and reads the clock on the wall. That is slow and cannot be wrong in the ways in
which arithmetic on local times is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

ZONES = [
    "Africa/Cairo", "Africa/Casablanca", "America/Havana", "America/New_York", "America/Santiago", "Asia/Beirut",
    "Asia/Kathmandu", "Asia/Shanghai", "Australia/Lord_Howe", "Europe/Berlin", "Europe/Dublin", "Pacific/Chatham",
    "UTC",
]  # fmt: skip
"""Clocks put at midnight, by half an hour, by a rule of the moon, back in summer; offsets of 45 minutes; none."""


def shown(moment: datetime, zone: str) -> datetime:
    """What the clock on the wall shows."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


@cache
def changes(zone: str, year: int) -> list[datetime]:
    """The hours of a year in which the clocks of a zone are put."""
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(366 * 24)]
    offsets = [moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in hours]
    return [hours[place] for place in range(1, len(hours)) if offsets[place] != offsets[place - 1]]


def fires(
    fits: Callable[[datetime], bool],
    zone: str,
    begin: datetime,
    end: datetime,
    *,
    step: timedelta,
    always: bool = False,
) -> list[datetime]:
    """The moments in [begin, end) at which something runs that a local time decides.

    Args:
        fits: whether a local time is one of the schedule's.
        step: of the walk; local times are whole multiples of it.
        always: run whenever the clock shows a fitting time; otherwise once for each such time, at the first moment when
            the clock has come to it or has passed it.
    """
    found, latest = [], None
    for number in range((end - begin) // step):
        moment = begin + number * step
        clock = shown(moment, zone)
        if latest is None:
            latest = clock - step
        if always:
            come = fits(clock)
        else:
            passed = range(1, max((clock - latest) // step, 0) + 1)
            come = any(fits(latest + count * step) for count in passed)
        if come:
            found.append(moment)
        latest = clock if always else max(latest, clock)
    return found
