"""The line: where a child asks the store for the time of a task whose rate limit all workers keep together (`pacing`).

Only such tasks pay for it: one call to the store for each claim of one, over a connection of its own.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ..exceptions import OperationalError
from ..pacing import Paced, Pacer

if TYPE_CHECKING:
    from ..app import Umbel

logger = logging.getLogger("umbel.worker")

UNASKED: Final = 1.0
"""Seconds after which a message is looked at again for which the store did not say its time."""


class Line:
    """One child's.

    Args:
        app: the application; its broker is `Paced`, or nothing is asked.
    """

    def __init__(self, app: Umbel) -> None:
        self._app = app
        self._pacer: Pacer | None = None

    def wait(self, name: str, seconds: float, *, again: bool) -> float:
        """Seconds until a message may start; see `Pacer.reserve`."""
        try:
            return self._opened().reserve(name, seconds, again=again)
        except OperationalError as error:
            logger.warning("The rate limit of %s cannot be asked for, its tasks wait: %s", name, error)
            return UNASKED

    def _opened(self) -> Pacer:
        if self._pacer is None:
            broker = self._app.broker
            assert isinstance(broker, Paced)
            self._pacer = broker.pacer()
        return self._pacer

    def close(self) -> None:
        """Give its connection back, if it has one."""
        if self._pacer is not None:
            self._pacer.close()
