"""Schedulers of Celery's kind: classes that a project or a package derives from, and the service that lets one tick.

    Service ---- tick() ----> Scheduler ---- is_due(), reserve(), apply_entry() ----> ScheduleEntry (one of them)
      sleeps as long as           keeps the entries in a heap, the next one first       what to send, when, last run
      tick says                   PersistentScheduler: and in a file

They run when one is named: ``umbel beat -S redbeat.RedBeatScheduler``, or `beat_scheduler` in the settings. Names,
arguments and behaviour are Celery's, so that what was derived from Celery's classes works as it is, and so are its
limits: one process, no leader, and what is due while nobody runs is made up for once.

    entry.py        ScheduleEntry, BeatLazyFunc, SchedulingError
    scheduler.py    Scheduler
    persistent.py   PersistentScheduler; shelf.py is its file, which Celery reads too
    service.py      Service
    embedded.py     EmbeddedService: a service in a thread or a process of its own
"""

from __future__ import annotations

from ..schedules import BeatLazyFunc
from .embedded import EmbeddedService
from .entry import ScheduleEntry, SchedulingError
from .persistent import PersistentScheduler
from .scheduler import DEFAULT_MAX_INTERVAL, Scheduler, event_t
from .service import Service

__all__ = [
    "DEFAULT_MAX_INTERVAL", "BeatLazyFunc", "EmbeddedService", "PersistentScheduler", "ScheduleEntry", "Scheduler",
    "SchedulingError", "Service", "event_t",
]  # fmt: skip
