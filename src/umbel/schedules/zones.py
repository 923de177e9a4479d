"""Times on a wall clock and moments: what a zone makes of each other, also on the days when clocks are put.

    clocks go forward      01:59 | 03:00     02:30 does not exist: the first valid moment stands for it (`moment_of`)
    clocks go back         02:59 | 02:00     02:30 exists twice: the first of the two counts (`moment_of`)

A wall time is a datetime without a zone, a moment one in UTC. Arithmetic on datetimes that have a zone is done by their
wall clock, whatever it says of durations; therefore nothing here adds to one of those.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


def zone_of(named: str | tzinfo) -> tzinfo:
    """The time zone of this name; an object that is one stays.

    Raises:
        ValueError: there is no such zone.

    Example:
        >>> zone_of("Europe/Berlin").key
        'Europe/Berlin'
    """
    if isinstance(named, tzinfo):
        return named
    try:
        return ZoneInfo(named)
    except (KeyError, ValueError, OSError, TypeError):  # unknown, not a name, the name of a folder of zones
        raise ValueError(
            f'There is no time zone {named!r}; write a name of the IANA list, as "Europe/Berlin".'
        ) from None


def aware(moment: datetime) -> datetime:
    """A moment in UTC; a time without a zone is UTC's, as everywhere in Celery's schedules."""
    return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment.astimezone(UTC)


def wall(moment: datetime, zone: tzinfo) -> datetime:
    """What the clocks of a zone show at a moment."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def occurrences(time: datetime, zone: tzinfo) -> list[datetime]:
    """The moments of a wall time, in order: one, or two when clocks go back over it.

    For a time that does not exist it is the one as long after the gap's begin as the time is, which is how Celery and
    most libraries read it.
    """
    early, late = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return [early, late] if early < late else [early]


def moment_of(time: datetime, zone: tzinfo) -> datetime:
    """The one moment of a wall time: the first of two, and the first valid one after a gap.

    Example:
        >>> moment_of(datetime(2026, 3, 29, 2, 30), zone_of("Europe/Berlin")).isoformat()
        '2026-03-29T01:00:00+00:00'
    """
    early, late = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return early if early <= late else _change(late, early, zone)


def next_change(after: datetime, until: datetime, zone: tzinfo) -> datetime | None:
    """The first moment in (after, until] at which the clocks are put, None without one.

    Zones say only what their offset is, so this looks day by day; no zone puts its clocks twice in a day.
    """
    begin = after
    while begin < until:
        end = min(begin + _DAY, until)
        if end.astimezone(zone).utcoffset() != begin.astimezone(zone).utcoffset():
            return _change(begin, end, zone)
        begin = end
    return None


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first whole second in (before, after] with the offset of `after`."""
    low, high = before.replace(microsecond=0), after.replace(microsecond=0)
    offset = high.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high
