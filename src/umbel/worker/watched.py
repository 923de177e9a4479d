"""A watched attempt: one that reports to those who watch that it begins, and what it returns (`reporter`)."""

from __future__ import annotations

from typing import Any

from .. import states
from ..outcome import Outcome, Release
from .attempt import Attempt


class Watched(Attempt):
    """See `Attempt`."""

    def _begin(self) -> None:
        super()._begin()
        reporter = self.desk.reporter
        reporter.received(self.request, self.plan)  # not before: one that finds no free slot is given back
        reporter.started(self)

    def _leave(self, outcome: Outcome, status: str, value: Any) -> Outcome:
        if status == states.SUCCESS:
            self.desk.reporter.succeeded(self, value)
        elif status == states.REJECTED and isinstance(outcome, Release):
            self.desk.reporter.rejected(self, requeue=True)
        return super()._leave(outcome, status, value)
