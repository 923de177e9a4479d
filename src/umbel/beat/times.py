"""The nominal times of an entry, as whole microseconds since 1970. Pure."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..ids import derived_id
from ..schedules import BaseSchedule, Entry, Timetable, schedule

SECOND: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

COUNTED: Final = 10_000
"""Missed times that are counted one by one; of more, only the newest are looked at."""

_EARLIER: Final = 0.05
"""Seconds."""

_WINDOWS: Final = tuple(seconds * SECOND for seconds in (1_000, 100_000, 10_000_000, 400_000_000))


def micros(moment: datetime) -> int:
    """A moment as microseconds.

    Example:
        >>> micros(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
        60000000
    """
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """The reverse, in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def tick_id(scope: str, entry: str, nominal: int) -> str:
    """The id of a tick's task: the same for whoever sends it."""
    return derived_id(f"beat/{scope}/{entry}", nominal)


def shape(entry: Entry) -> str:
    """What an entry's times follow from: when it changes, they begin anew.

    Of a class of somebody else only its name, because its repr may hold an address; of an interval its seconds, because
    Celery's repr rounds them.
    """
    when = entry.schedule
    kind = type(when)
    if kind is schedule:
        return f"schedule({when.seconds}{', relative=True' if when.relative else ''})"
    known = kind.__module__.startswith("umbel.schedules")
    return repr(when) if known else f"{kind.__module__}.{kind.__qualname__}"


def following(entry: Entry, at: int) -> int | None:
    """The first nominal time after one, None when there is no other.

    Raises:
        ValueError: the schedule does not go on.
    """
    found = _next(entry.schedule, at)
    if found is not None and found <= at:
        raise ValueError(f"{entry.schedule!r} does not go on: after {moment(at)} it names {moment(found)}.")
    return found


def _next(when: Any, at: int) -> int | None:
    asked = asks_only(when)
    found = moment(at) + timedelta(seconds=_left(when, at)) if asked else when.next_after(moment(at))
    return None if found is None else micros(found)


def asks_only(when: Any) -> bool:
    """Whether it is a schedule of somebody else that answers Celery's question by itself, and ours not."""
    kind: Any = type(when)
    if kind.next_after is BaseSchedule.next_after and kind.is_due is BaseSchedule.is_due:
        return False
    answers = _depth(kind, "next_after")
    return min(_depth(kind, "is_due"), _depth(kind, "remaining_estimate")) < answers


def _depth(kind: type, name: str) -> int:
    """Where in its line of classes a method is written last; 0 is the class itself."""
    return next(depth for depth, base in enumerate(kind.__mro__) if name in vars(base))


def _left(when: Any, at: int) -> float:
    """Seconds between a run and the next one, as Celery asks: by the schedule's own clock.

    What is due now is named a moment earlier, so that it is due for whoever asked a moment ago.
    """
    now = micros(when.maybe_make_aware(when.now()))
    due, seconds = when.is_due(moment(at))
    passed = (now - at) / SECOND
    return max(passed - _EARLIER, 0.000001) if due else passed + max(float(seconds), _EARLIER)


def fires(entry: Entry, nominal: int) -> int:
    """When a tick is sent: its nominal time and the jitter."""
    when = entry.schedule
    if isinstance(when, Timetable) and when.jitter:
        return nominal + when.delay(moment(nominal), entry.name) // _MICROSECOND
    return nominal


def due(entry: Entry, at: int, now: int) -> tuple[list[int], int]:
    """The nominal times after a mark that are due.

    Args:
        entry: whose times.
        at: nominal time of the mark.
        now: microseconds.

    Returns:
        the newest of them, ascending, at most `COUNTED`; and how many there are, those that were leapt over left out.
    """
    newest: deque[int] = deque(maxlen=COUNTED)
    count = 0
    while True:
        for _ in range(COUNTED):
            found = following(entry, at)
            if found is None or fires(entry, found) > now:
                return list(newest), count
            newest.append(found)
            count += 1
            at = found
        at = _leap(entry, at, now)


def _leap(entry: Entry, at: int, now: int) -> int:
    """A mark nearer to now that leads to the same times."""
    when = entry.schedule
    if isinstance(when, schedule) and not when.relative:
        every = when.run_every // _MICROSECOND
        return at + max(0, (now - at) // every - COUNTED // 2) * every
    for window in _WINDOWS:
        begin = now - window
        if begin <= at:
            break
        found = following(entry, begin)
        if found is not None and found <= now:
            return begin
    return at
