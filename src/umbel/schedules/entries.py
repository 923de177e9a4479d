"""The entries of `beat_schedule`: a name and what runs when, from the forms that configurations write.

A bad entry never stops the others: it is answered beside them, with the sentence that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from numbers import Real
from typing import Any

import msgspec

from .base import BaseSchedule
from .fields import ParseException
from .intervals import schedule
from .policy import CELERYS, NAMES, Policy, read_policy
from .written import read_schedule

KEYS = frozenset({"task", "schedule", "args", "kwargs", "options", "relative", *NAMES})
"""What an entry may say."""


class Pause(msgspec.Struct, frozen=True):
    """That an entry is not sent.

    Attributes:
        by: who paused it.
        since: unix time.
        until: unix time at which it goes on by itself; None: when somebody resumes it.
    """

    by: str
    since: float
    until: float | None = None


class Entry(msgspec.Struct, frozen=True):
    """One entry.

    Attributes:
        name: of the entry.
        task: the task's name.
        schedule: when it runs.
        args, kwargs: of the task.
        options: as `Task.apply_async` takes them.
        policy: of ticks that were missed, that are late, or that overlap.
        pause: when somebody paused it.
    """

    name: str
    task: str
    schedule: Any
    args: Any = ()
    kwargs: Any = msgspec.field(default_factory=dict)
    options: Any = msgspec.field(default_factory=dict)
    policy: Policy = CELERYS
    pause: Pause | None = None

    def paused(self, now: float) -> bool:
        """Whether it is not sent at this unix time."""
        pause = self.pause
        return pause is not None and (pause.until is None or now < pause.until)


def maybe_schedule(s: Any, relative: bool = False, app: Any = None) -> Any:
    """The schedule that is meant: seconds, a timedelta, a cron string, or a schedule, which gets the app.

    Args:
        s: one of those, or a text as `read_schedule` has it; None stays None.
        relative: of an interval, see `schedule`.
        app: see `BaseSchedule`.

    Raises:
        ValueError: a text means no schedule, an interval is negative.

    Example:
        >>> maybe_schedule(30)
        <freq: 30.00 seconds>
    """
    if isinstance(s, Real | timedelta):
        return schedule(s, relative, app=app)  # type: ignore[arg-type]
    if isinstance(s, str):
        s = read_schedule(s)
    if s is not None:
        s.app = app
    return s


def read_entries(given: Mapping[str, Any], app: Any = None) -> tuple[dict[str, Entry], dict[str, str]]:
    """The entries of a configuration, and what is wrong with the others.

    Args:
        given: name -> a dict with `task`, `schedule` and, where wanted, `args`, `kwargs`, `options`, `relative` and
            what `Policy` has.
        app: see `BaseSchedule`.

    Returns:
        Name -> entry, and name -> a sentence for each that cannot run.

    Example:
        >>> good, bad = read_entries({"a": {"task": "t", "schedule": 30}, "b": {"task": "t", "schedule": -1}})
        >>> [*good], bad
        (['a'], {'b': 'The entry b cannot run: An interval of -1 seconds is negative; write more than 0.'})
    """
    good: dict[str, Entry] = {}
    bad: dict[str, str] = {}
    for name, one in given.items():
        try:
            good[name] = _entry(name, one, app)
        except (ValueError, TypeError, ParseException, ImportError) as error:
            bad[name] = f"The entry {name} cannot run: {error}"
    return good, bad


def _entry(name: str, given: Any, app: Any) -> Entry:
    if not isinstance(given, Mapping):
        raise TypeError(f'it is a value of type {type(given).__name__}; write a dict with "task" and "schedule".')
    unknown = given.keys() - KEYS
    if unknown:
        raise ValueError(f"it has {', '.join(sorted(map(str, unknown)))}, which no entry has.")
    task, when = given.get("task"), given.get("schedule")
    if not isinstance(task, str) or not task:
        raise ValueError('it names no task; write "task": the name of one.')
    if when is True or when is False or not isinstance(when, Real | timedelta | str | BaseSchedule):
        raise TypeError(f'its "schedule" is {when!r}; write seconds, a timedelta, a cron string or a schedule.')
    return Entry(
        name, task, maybe_schedule(when, bool(given.get("relative")), app),
        given.get("args") or (), given.get("kwargs") or {}, given.get("options") or {}, read_policy(given),
    )  # fmt: skip
