"""A scheduler that was derived from an installed Celery's."""

from __future__ import annotations

from celery.beat import Scheduler


class Derived(Scheduler):
    """As it was."""
