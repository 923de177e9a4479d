"""What became of the task of an earlier tick, where the broker cannot list its messages (RabbitMQ).

A tick that was sent and has no end yet waits or runs:

    its claim      held: it runs. ended: it does not. passed: the same is asked of its next attempt
    its result     any end is one, also that of a worker that claims nothing
    its queue      nobody has claimed it, and something is there: it waits

What nobody claims while its queue is empty is on its way to a worker, or gone: purged, or run by a worker that says
nothing. So it counts as waiting for `GONE` seconds more, or an entry would be silent for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final, Literal

from .. import clock, states
from ..claims import Claims, State, name_of
from ..message import Parcel

if TYPE_CHECKING:
    from ..app import Umbel

GONE: Final = 300.0
"""Seconds; longer than any pause that a broker makes for a message whose process died."""

RETRIES: Final = 86_400.0
"""The same for a task that is to be tried again: it may wait for that where nobody can count it."""

MOST: Final = 10_000
"""Ticks of which something is remembered."""


class Unlisted:
    """See the module.

    Args:
        app: whose tasks they are.
    """

    def __init__(self, app: Umbel) -> None:
        self._app = app
        self._queues: dict[str, str] = {}
        self._empty: dict[str, float] = {}

    def sent(self, parcels: Sequence[Parcel]) -> None:
        """They are in these queues."""
        for parcel in parcels:
            self._queues[parcel.id] = parcel.queue
        while len(self._queues) > MOST:
            oldest = next(iter(self._queues))
            del self._queues[oldest]
            self._empty.pop(oldest, None)

    def doing(self, task_id: str) -> Literal["", "waits", "runs"]:
        """Whether it waits or runs; "" when it has ended, or nobody can tell."""
        claims = self._app.claims()
        if claims is None:
            return ""
        with closing(claims):
            state, retries = _newest(claims, task_id)
        if state in ("held", "ended"):
            return "runs" if state == "held" else ""
        backend = self._app.backend()
        record = backend.fetch([task_id]).get(task_id) if backend is not None else None
        if record is not None and record.status in states.READY_STATES:
            return ""
        if record is not None and record.status == states.STARTED:
            return "runs"
        return "waits" if self._waits(task_id, RETRIES if retries else GONE) else ""

    def _waits(self, task_id: str, patience: float) -> bool:
        """Whether its queue has something, or had lately."""
        queue = self._queues.get(task_id)
        with closing(self._app.broker.shelf()) as shelf:
            ready = any(count.ready for count in shelf.counts() if queue in (None, count.queue))
        if ready:
            self._empty.pop(task_id, None)
            return True
        now = clock.monotonic()
        return now - self._empty.setdefault(task_id, now) < patience


def _newest(claims: Claims, task_id: str) -> tuple[State, int]:
    """What is known of its newest attempt, and which one that is."""
    retries = 0
    while (state := claims.look([name_of(task_id, retries)])[0]) == "passed":
        retries += 1
    return state, retries
