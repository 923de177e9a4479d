"""One entry of a scheduler: what to send, when, and when it was sent last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import total_ordering
from typing import TYPE_CHECKING, Any, Self

from ..saferepr import saferepr
from ..schedules import maybe_schedule

if TYPE_CHECKING:
    from ..app import Umbel

EDITABLE = ("task", "args", "kwargs", "options", "schedule")
"""What a configuration says of an entry; the rest is what became of it."""


class SchedulingError(Exception):
    """The task of an entry could not be sent."""


@total_ordering
class ScheduleEntry:
    """An entry.

    Args:
        name: of the entry.
        task: the task's name.
        last_run_at: when it was sent last; now unless given.
        total_run_count: how often it was sent.
        schedule: when it runs: seconds, a timedelta, a cron string, a schedule of `umbel.schedules`.
        args, kwargs: of the task.
        options: as `Task.apply_async` takes them.
        relative: of an interval: at round times of the clock, see `schedules.schedule`.
        app: whose clock and zone hold.

    Example:
        >>> ScheduleEntry("beep", "proj.beep", schedule=30, args=(1,), kwargs={"loud": True})
        <ScheduleEntry: beep proj.beep(1, loud=True) <freq: 30.00 seconds>>
    """

    name: Any = None
    schedule: Any = None
    args: Any = None
    kwargs: Any = None
    options: Any = None
    last_run_at: Any = None
    total_run_count: int = 0

    def __init__(
        self, name: str | None = None, task: str | None = None, last_run_at: datetime | None = None,
        total_run_count: int | None = None, schedule: Any = None, args: Any = (), kwargs: Any = None,
        options: Any = None, relative: bool = False, app: Umbel | None = None,
    ) -> None:  # fmt: skip
        self.app: Any = app
        self.name = name
        self.task = task
        self.args = args
        self.kwargs = kwargs or {}
        self.options = options or {}
        self.schedule = maybe_schedule(schedule, relative, app=app)
        self.last_run_at = last_run_at or self.default_now()
        self.total_run_count = total_run_count or 0

    def default_now(self) -> datetime:
        """This moment, as its schedule sees it."""
        now: datetime = self.schedule.now() if self.schedule else self.app.now()
        return now

    _default_now = default_now

    def _next_instance(self, last_run_at: datetime | None = None) -> Self:
        """The same entry after it was sent once more."""
        fields: dict[str, Any] = dict(iter(self))
        fields.update(last_run_at=last_run_at or self.default_now(), total_run_count=self.total_run_count + 1)
        return type(self)(**fields)

    __next__ = next = _next_instance

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.name, self.task, self.last_run_at, self.total_run_count, self.schedule, self.args, self.kwargs,
            self.options,
        )  # fmt: skip

    def update(self, other: ScheduleEntry) -> None:
        """Take over what the configuration says in another entry; when and how often it ran stays."""
        self.__dict__.update({name: getattr(other, name) for name in EDITABLE})

    def is_due(self) -> tuple[bool, float]:
        """Whether to send it now, and in how many seconds it is worth asking again."""
        answer: tuple[bool, float] = self.schedule.is_due(self.last_run_at)
        return answer

    def editable_fields_equal(self, other: object) -> bool:
        """Whether the configuration says the same of both."""
        return all(getattr(self, name) == getattr(other, name) for name in EDITABLE)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(vars(self).items())

    def __eq__(self, other: object) -> bool:
        return self.editable_fields_equal(other) if isinstance(other, ScheduleEntry) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # what it is can be changed, as in Celery

    def __lt__(self, other: object) -> bool:
        # Any order will do: the heap asks for it only between entries of one time and one priority.
        return id(self) < id(other) if isinstance(other, ScheduleEntry) else NotImplemented

    def __repr__(self) -> str:
        given = [saferepr(one) for one in self.args or ()]
        given += [f"{name}={saferepr(one)}" for name, one in (self.kwargs or {}).items()]
        return f"<{type(self).__name__}: {self.name} {self.task}({', '.join(given)}) {self.schedule}>"
