"""The steps: an app's own bootsteps, made, started and stopped at the edge of the supervisor (`bootsteps`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ..exceptions import ImproperlyConfigured, UmbelError
from .handles import Worker

logger = logging.getLogger("umbel.worker")


class Steps:
    """One supervisor's.

    Args:
        worker: the handle that they get.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._consumer = worker.consumer
        self._stopping = False

    def make(self) -> None:
        """Make all of them; before anything is forked.

        Raises:
            ImproperlyConfigured: one could not be made.
        """
        options = self._worker.options
        self._do("made", lambda: self._worker.blueprint.apply(self._worker, **options))
        self._do("made", lambda: self._consumer.blueprint.apply(self._consumer, **options))

    def start_worker(self) -> None:
        """Start the worker's; after the nursery was forked."""
        self._do("started", lambda: self._worker.blueprint.start(self._worker))

    def start_consumer(self) -> None:
        """Start the consumer's; the store has answered."""
        self._do("started", lambda: self._consumer.blueprint.start(self._consumer))

    def turn(self, *, stopping: bool, now: bool) -> None:
        """One turn of the supervisor's loop.

        Args:
            stopping: the shutdown has begun.
            now: without the grace period.
        """
        self._worker.timer.turn()
        if stopping and not self._stopping:
            self._stopping = True
            self._worker.blueprint.close(self._worker)
            self._consumer.blueprint.stop(self._consumer, terminate=now)

    def end(self, *, now: bool) -> None:
        """All children have ended, or the worker could not be started."""
        self._consumer.blueprint.stop(self._consumer, terminate=now)
        self._worker.blueprint.stop(self._worker, close=not self._stopping, terminate=now)
        self._consumer.blueprint.shutdown(self._consumer)

    def _do(self, what: str, function: Callable[[], Any]) -> None:
        try:
            function()
        except UmbelError:
            raise
        except Exception as error:
            logger.critical("A bootstep of the app failed", exc_info=True)
            raise ImproperlyConfigured(f"A bootstep of the app could not be {what}: {error!r}") from error
