"""A run: one message that is being run, as facts. `attempt` runs it, `desk` writes it up, `keeper` watches it."""

from __future__ import annotations

from ..context import Context
from ..message import Delivery
from .plan import Plan


class Run:
    """One run of one message.

    Attributes:
        plan: its task's facts.
        delivery: its message.
        request: its request.
        tag: the store's reference of its message.
        is_async: whether it is a coroutine.
        hard, soft: limits in seconds, None for none; the message's own come before the task's.
        started: monotonic start of the function, 0.0 before it.
        stopped: monotonic end.
        runtime: seconds that the function took, set at its end.
        cell: its place on the shared page, while it runs.
        settled: True when the keeper has already settled it; what it returns afterwards is discarded.
        warned: True when the soft limit was raised in it.
        cut_short: True when the worker's stop interrupted it; whatever it returns or raises is discarded.
        in_batch: True when other messages run with it (`gathering`): nobody terminates it alone.
    """

    started = stopped = runtime = 0.0
    settled = warned = cut_short = in_batch = False
    cell: int

    def __init__(self, plan: Plan, delivery: Delivery, request: Context) -> None:
        self.plan = plan
        self.delivery = delivery
        self.request = request
        self.tag = delivery.tag
        self.is_async = plan.is_async
        self.hard, self.soft = plan.hard, plan.soft
        limits = request.wire.timelimit
        if limits is not None and limits != _UNLIMITED:
            self.hard, self.soft = _limit(limits[0], plan.hard), _limit(limits[1], plan.soft)


def _limit(asked: float | None, own: float | None) -> float | None:
    """The message's limit; the task's own when it names none, or one that no run could keep."""
    return asked if asked is not None and asked > 0 else own


_UNLIMITED = (None, None)
