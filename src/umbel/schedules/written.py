"""Schedules as text: what `umbel schedule add`, a file of entries and the store write.

    "30", "1.5"                          seconds
    "*/5 * * * *", "@daily"              a cron string
    "every(minutes=5, jitter=30)"        a call of a kind of schedule, as it stands in Python

Nothing is evaluated: a call is taken apart, and its arguments are plain values.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from .base import BaseSchedule
from .intervals import schedule
from .kinds import at, every, once
from .sun import solar
from .tables import crontab
from .texts import cron
from .timetable import Timetable

KINDS: Final[dict[str, Callable[..., Any]]] = {
    "every": every, "at": at, "cron": cron, "once": once, "crontab": crontab, "schedule": schedule, "solar": solar,
}  # fmt: skip

_NUMBER: Final = re.compile(r"\d+(\.\d*)?|\.\d+")
_FIELDS: Final = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
_HIDDEN: Final = frozenset({"app", "nowfun"})


def read_schedule(text: str) -> BaseSchedule:
    """The schedule that a text means.

    Args:
        text: see above.

    Raises:
        ValueError: it means none.
        ParseException: a field of a crontab is not of the grammar.

    Example:
        >>> read_schedule("every(minutes=5)"), read_schedule("30")
        (every(seconds=300.0), <freq: 30.00 seconds>)
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return schedule(float(text))
    if "(" not in text:
        return cron(text)
    call = _call(text)
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    kind = KINDS.get(name)
    if kind is None:
        raise ValueError(f"{text!r} is no kind of schedule; write one of {', '.join(KINDS)}, as every(minutes=5).")
    try:
        positional = [ast.literal_eval(one) for one in call.args]
        named = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
    except ValueError:
        raise ValueError(f"{text!r} holds more than plain values; write numbers and texts in it.") from None
    if hidden := _HIDDEN & named.keys():
        raise ValueError(f"{text!r} names {', '.join(sorted(hidden))}, which only code can give; leave it out.")
    try:
        made: BaseSchedule = kind(*positional, **named)
    except TypeError as error:
        told = str(error).rpartition("() ")[2]
        raise ValueError(f"{text!r} cannot be made: {name} {told}.") from None
    return made


def _call(text: str) -> ast.Call:
    try:
        read = ast.parse(text, mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        read = None
    if isinstance(read, ast.Call):
        return read
    raise ValueError(f"{text!r} cannot be read; write a call, as every(minutes=5), a cron string, or seconds.")


def write_schedule(when: Any) -> str:
    """The text of a schedule: `read_schedule` makes an equal one of it.

    Args:
        when: a schedule, seconds, a timedelta, or a text already.

    Raises:
        ValueError: it is of a class of somebody else, or has what no text can hold.

    Example:
        >>> write_schedule(crontab(hour=7, minute=30))
        'crontab(minute=30, hour=7)'
    """
    if isinstance(when, str):
        return write_schedule(read_schedule(when))
    if isinstance(when, timedelta):
        return f"{when.total_seconds():.15g}"
    if isinstance(when, int | float) and not isinstance(when, bool):
        return f"{schedule(when).seconds:.15g}"
    if getattr(when, "nowfun", None) is None:
        if type(when) is schedule:
            return f"schedule({when.seconds:.15g}, relative=True)" if when.relative else f"{when.seconds:.15g}"
        if type(when) is crontab:
            given = zip(_FIELDS, (_plain(one) for one in when._given), strict=True)  # noqa: SLF001 - of the same room
            return f"crontab({', '.join(f'{name}={value!r}' for name, value in given if value != '*')})"
        if type(when) is solar:
            return f"solar({when.event!r}, {when.lat!r}, {when.lon!r})"
        if isinstance(when, Timetable) and type(when) in KINDS.values() and _is_read(text := repr(when)):
            return text
    raise ValueError(f"{when!r} cannot be written as a text; give one of {', '.join(KINDS)}, or leave it to the code.")


def _is_read(text: str) -> bool:
    """Whether it stands for itself: a zone that has no name does not."""
    try:
        read_schedule(text)
    except ValueError:
        return False
    return True


def _plain(field: Any) -> Any:
    return field if isinstance(field, int | str) else sorted(field)
