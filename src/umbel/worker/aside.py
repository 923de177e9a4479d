"""User code that the keeper has to call but must not wait for: errbacks and receivers that are told of a hard limit.

Each call has a thread of its own, so that one that blocks stops neither the watching of limits nor the others. The
failure that it is told of is settled meanwhile; the child stays until they have ended, at most for its grace period.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("umbel.worker")


class Aside:
    """Calls that are under way.

    Attributes:
        ended: called after each, on its thread.
    """

    def __init__(self) -> None:
        self.ended: Callable[[], None] = _nobody
        self._threads: set[threading.Thread] = set()

    def call(self, step: Callable[[], Any]) -> None:
        """Call it on a thread of its own; what it raises is logged."""
        thread = threading.Thread(target=self._run, args=(step,), name="aside", daemon=True)
        self._threads.add(thread)
        thread.start()

    def busy(self) -> bool:
        """Whether one of them has not ended."""
        return bool(self._threads)

    def abandon(self) -> None:
        """Wait for none of them any more; they end with the process."""
        for _ in range(len(self._threads)):
            logger.warning("What was told of a hard limit has not ended and is left behind")
        self._threads.clear()
        self.ended()

    def _run(self, step: Callable[[], Any]) -> None:
        try:
            step()
        except Exception:  # user code may raise anything; what it was told of stands
            logger.exception("What was to be told of a hard limit failed")
        finally:
            self._threads.discard(threading.current_thread())
            self.ended()


def _nobody() -> None:
    """Nobody wants to know."""
