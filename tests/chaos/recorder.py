"""Writes lines "settled" and "claimed" of a history: the project of a chaos run calls it before its worker forks."""

from __future__ import annotations

import json
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


def record_claims(path: str) -> None:
    """From now on it is noted of each message that a process of this project claims of which run it is.

    A run is named as the tasks of `tests.chaos.workflows` name theirs. That of a store which names its messages anew
    each time (AMQP) cannot be told.
    """
    turn = Settler.turn

    def noted(self: Settler, outcomes: list[Any], want: Any) -> Any:
        done = turn(self, outcomes, want)
        for delivery in done.deliveries if done is not None else ():
            headers, kwargs = json.loads(delivery.head)["headers"], json.loads(delivery.body)[1]
            if "node" in kwargs:
                run = f"{headers['id']}#{kwargs['node']}.{headers['retries']}"
                append(path, "claimed", run, pid=delivery.tag)
        return done

    Settler.turn = noted  # type: ignore[method-assign]
