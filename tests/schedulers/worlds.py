"""The same scheduler in two worlds, Celery's and umbel's, each with a clock that only the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import ModuleType
from typing import Any

from umbel import Umbel, schedulers, schedules

START = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)


@cache
def celerys() -> tuple[Any, ModuleType, ModuleType]:
    """Celery's own; not imported whenever tests are collected."""
    import celery.beat
    import celery.schedules

    return celery.Celery, celery.beat, celery.schedules


@dataclass
class World:
    """One of the two.

    Attributes:
        app: its application.
        beat: the module with the scheduler's classes.
        schedules: the module with schedules.
        moment: what its clock shows.
        sent: (moment, task, args, kwargs, options) of each message, in order.
    """

    app: Any
    beat: ModuleType
    schedules: ModuleType
    moment: datetime = START
    sent: list[Any] = field(default_factory=list)

    def __post_init__(self):
        self.app.now = lambda: self.moment.astimezone(self.app.timezone)

    def scheduler(self, kind: str = "Scheduler", **options: Any):
        """A scheduler that notes what it sends."""
        world = self

        class Named(self.beat.ScheduleEntry):
            def __lt__(self, other):  # of one moment; in both worlds it is any order otherwise
                return self.name < other.name

        class Noting(getattr(self.beat, kind)):
            producer = None
            Entry = Named if kind == "Scheduler" else self.beat.ScheduleEntry

            def send_task(self, name, args, kwargs, producer=None, **options):
                world.sent.append((world.moment, name, list(args), kwargs, options))

        return Noting(app=self.app, **options)

    def run(self, scheduler, seconds: float, late: float = 0.0) -> list[float]:
        """Tick as a service does, until so many seconds are over; returns what each tick answered.

        Args:
            late: seconds by which each sleep is longer than it was asked for.
        """
        waits, end = [], self.moment + timedelta(seconds=seconds)
        while self.moment < end:
            wait = scheduler.tick()
            waits.append(wait)
            self.moment += timedelta(seconds=0.003 + (wait + late if wait > 0 else 0.0))  # a tick takes time, too
        return waits


def both(**settings: Any) -> tuple[World, World]:
    """Celery's world and umbel's, under the same settings."""
    made_by, beat, when = celerys()
    theirs = made_by("shop", broker="memory://", set_as_current=False)
    mine = Umbel("shop", broker="memory://", set_as_current=False)
    for app in (theirs, mine):
        app.conf.update(result_expires=None, **settings)
    return World(theirs, beat, when), World(mine, schedulers, schedules)
