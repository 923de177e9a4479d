"""Times as people say them."""

from __future__ import annotations

from datetime import datetime


def moment(unix: float) -> str:
    """A unix time for people, in local time; empty for 0.

    Example:
        >>> moment(0.0)
        ''
    """
    return datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M:%S") if unix else ""


def age(seconds: float) -> str:
    """A duration for people.

    Example:
        >>> age(75), age(7322), age(3.2)
        ('1 min 15 s', '2 h 2 min', '3.2 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
