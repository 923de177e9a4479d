"""When periodic tasks run: Celery's schedules, and umbel's own. Pure: no process, no store, no clock but the app's.

    Celery's     schedule  crontab  solar             also intervals in seconds and timedelta
    umbel's      every  at  cron  once                each with its own zone, start, end and jitter (`timetable.py`)

Each of them answers `is_due(last_run_at)` and `next_after(moment)`; `entries.py` reads what `beat_schedule` may hold.
"""

from __future__ import annotations

from .base import BaseSchedule, schedstate
from .entries import KEYS, Entry, Pause, maybe_schedule, read_entries
from .fields import ParseException, crontab_parser
from .files import read_file
from .intervals import schedule
from .kinds import at, every, once
from .lazy import BeatLazyFunc, evaluated
from .policy import Policy, read_policy
from .sun import solar
from .tables import crontab
from .texts import cron
from .timetable import NEVER, Timetable
from .written import read_schedule, write_schedule

__all__ = [
    "KEYS", "NEVER", "BaseSchedule", "BeatLazyFunc", "Entry", "ParseException", "Pause", "Policy", "Timetable", "at",
    "cron", "crontab", "crontab_parser", "evaluated", "every", "maybe_schedule", "once", "read_entries", "read_file",
    "read_policy", "read_schedule", "schedstate", "schedule", "solar", "write_schedule",
]  # fmt: skip
