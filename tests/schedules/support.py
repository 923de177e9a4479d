"""A stand-in for the app that a schedule asks: a zone, and two settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo


@dataclass
class Asked:
    """What schedules ask of an app."""

    zone: str = "UTC"
    deadline: float | None = None
    moment: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)
    conf: SimpleNamespace = field(init=False)

    def __post_init__(self):
        self.conf = SimpleNamespace(beat_cron_starting_deadline=self.deadline, enable_utc=True)

    @property
    def timezone(self):
        return ZoneInfo(self.zone)

    def now(self):
        return self.moment


def after(schedule, begin, end):
    """All nominal times in [begin, end)."""
    found, moment = [], begin.replace(microsecond=0) - (datetime.resolution)
    while (moment := schedule.next_after(moment)) is not None and moment < end:
        found.append(moment)
    return found
