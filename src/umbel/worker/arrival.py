"""The first contact of a worker with its store: tried again while nobody answers, as the settings say (Celery's names).

What will not become right by itself (a wrong password, a replica, a server too old) is not tried again.
"""

from __future__ import annotations

import logging
import select
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .. import clock
from ..exceptions import PublishTimeout, StoreAway

if TYPE_CHECKING:
    from ..conf import Settings
    from .stopping import Stop

logger = logging.getLogger("umbel.worker")

STEP: Final = 2.0
"""Seconds by which each wait is longer than the one before."""

LONGEST: Final = 30.0
"""Seconds of the longest wait."""

BEAT: Final = 2.0
"""Seconds after which it is said again that the worker lives."""


def arrive(step: Callable[[], object], conf: Settings, stop: Stop, beat: Callable[[], object]) -> bool:
    """Take the first step, again and again while the store is away.

    Args:
        step: what needs the store.
        conf: the settings.
        stop: the operator's, which ends the waiting.
        beat: says that the worker lives, though it is not ready: whoever probes would otherwise kill it for an outage.

    Returns:
        False when the operator stopped it first.

    Raises:
        UmbelError: as `step` raised it, when it will not pass or was tried often enough.
    """
    again, most = conf.broker_connection_retry_on_startup, conf.broker_connection_max_retries
    if again is None:
        again = conf.broker_connection_retry
    tries = 0
    while not stop.requested:
        beat()
        try:
            step()
        except (StoreAway, PublishTimeout) as error:
            tries += 1
            if not again or (most and tries > most):
                raise
            wait = min(STEP * tries, LONGEST)
            logger.error("%s Trying again in %g s (%d%s).", error, wait, tries, f" of {most}" if most else "")
            _wait(wait, stop, beat)
        else:
            return True
    return False


def _wait(seconds: float, stop: Stop, beat: Callable[[], object]) -> None:
    until = clock.monotonic() + seconds
    while not stop.requested and (left := until - clock.monotonic()) > 0:
        beat()
        select.select([stop.fd], [], [], min(left, BEAT))
        stop.clear()
