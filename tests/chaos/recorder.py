"""Writes the "settled" lines of a history: the project of a chaos run calls it before its worker forks."""

from __future__ import annotations

import time
from typing import Any

from tests.support.history import append
from umbel.states import READY_STATES
from umbel.worker.settler import Settler


def record_settles(path: str) -> None:
    """From now on every final state that the store has taken from a settler of this process is noted.

    The line carries the time before the store was asked: whoever starts the same message afterwards was given it later.
    """
    turn = Settler.turn

    def noted(self: Settler, outcomes: list[Any], want: Any) -> Any:
        begin = time.time()
        done = turn(self, outcomes, want)
        if done is not None:
            dropped = {(outcome.delivery.claim, outcome.delivery.tag) for outcome in done.fenced}
            for outcome in outcomes:
                final = outcome.record is not None and outcome.record.status in READY_STATES
                if final and (outcome.delivery.claim, outcome.delivery.tag) not in dropped:
                    append(path, "settled", outcome.record.id, begin)
        return done

    Settler.turn = noted  # type: ignore[method-assign]
