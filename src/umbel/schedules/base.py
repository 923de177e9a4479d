"""What all schedules are: a question about the last run, and one about the next.

    is_due(last_run_at)   Celery's question: is it time, and in how many seconds is it worth asking again
    next_after(moment)    umbel's: the first time to run after a moment; pure, it asks no clock

Members and arguments are Celery's, so that schedules of others (`class clocked(BaseSchedule)`) work here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, NamedTuple

from .. import clock
from ..current import get_app
from .zones import aware


class schedstate(NamedTuple):  # noqa: N801 - Celery's name
    """What `is_due` answers.

    Attributes:
        is_due: run it now.
        next: seconds until it is worth asking again.
    """

    is_due: bool
    next: float


class BaseSchedule:
    """A schedule.

    Args:
        nowfun: gives the present moment; the app's clock unless given.
        app: whose time zone and settings hold; the current one unless given.

    Example:
        >>> class weekly(BaseSchedule):
        ...     def remaining_estimate(self, last_run_at):
        ...         return last_run_at + timedelta(days=7) - self.now()
    """

    def __init__(self, nowfun: Callable[[], datetime] | None = None, app: Any = None) -> None:
        self.nowfun = nowfun
        self._app = app

    def now(self) -> datetime:
        """The present moment."""
        if self.nowfun is not None:
            return self.nowfun()
        app = self.app
        return clock.utcnow() if app is None else app.now()

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """Time from now until the next run after `last_run_at`; negative when it is over."""
        raise TypeError(f"{type(self).__name__} must say in remaining_estimate how long it has to wait")

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        """Whether it is time, and in how many seconds it is worth asking again."""
        left = self.remaining_estimate(last_run_at).total_seconds()
        if left > 0:
            return schedstate(False, left)
        return schedstate(True, max(self.remaining_estimate(self.now()).total_seconds(), 0))

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time to run after a moment.

        Args:
            moment: strictly before the answer; UTC when it has no zone.

        Returns:
            A moment in UTC, or None when there is no other run.
        """
        return aware(self.now()) + self.remaining_estimate(aware(moment))

    def maybe_make_aware(self, dt: datetime, naive_as_utc: bool = True) -> datetime:
        """The same moment with a zone: a time without one is UTC's, or the schedule's zone's."""
        if dt.utcoffset() is not None:
            return dt
        return aware(dt).astimezone(self.tz) if naive_as_utc else dt.replace(tzinfo=self.tz)

    @property
    def app(self) -> Any:
        """The app, the current one unless one was given; None where there is none."""
        return get_app() if self._app is None else self._app

    @app.setter
    def app(self, app: Any) -> None:
        self._app = app

    @cached_property
    def tz(self) -> tzinfo:
        """The time zone of the app."""
        app = self.app
        return UTC if app is None else app.timezone

    @cached_property
    def utc_enabled(self) -> bool:
        """Whether the app writes times in UTC."""
        app = self.app
        return True if app is None else bool(app.conf.enable_utc)

    def to_local(self, dt: datetime) -> datetime:
        """The moment in the machine's zone when the app does not write UTC, otherwise as it is."""
        return dt if self.utc_enabled else dt.astimezone()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BaseSchedule):
            return other.nowfun == self.nowfun
        return NotImplemented

    __hash__ = None  # type: ignore[assignment] # what it is can be changed, as in Celery
