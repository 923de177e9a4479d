"""A watched attempt: one that reports to those who watch that it begins, and what it returns (`reporter`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import states
from ..outcome import Outcome, Release
from .attempt import Attempt

if TYPE_CHECKING:
    from ..context import Context
    from ..message import Delivery
    from .desk import Desk
    from .plan import Plan


class Watched(Attempt):
    """See `Attempt`."""

    def __init__(self, desk: Desk, plan: Plan, delivery: Delivery, request: Context) -> None:
        super().__init__(desk, plan, delivery, request)
        desk.reporter.received(request, plan)

    def _begin(self) -> None:
        super()._begin()
        self.desk.reporter.started(self)

    def _leave(self, outcome: Outcome, status: str, value: Any) -> Outcome:
        if status == states.SUCCESS:
            self.desk.reporter.succeeded(self, value)
        elif status == states.REJECTED and isinstance(outcome, Release):
            self.desk.reporter.rejected(self, requeue=True)
        return super()._leave(outcome, status, value)
