"""EmbeddedService: a `Service` inside another program, in a thread or in a child process."""

from __future__ import annotations

import signal
import threading
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import TYPE_CHECKING, Any

from .service import Service

if TYPE_CHECKING:
    from ..app import Umbel


class _Threaded(threading.Thread):
    """A service in a thread of this process; `start` and `stop`."""

    def __init__(self, app: Umbel, **kwargs: Any) -> None:
        super().__init__(name="Beat", daemon=True)
        self.app = app
        self.service = Service(app, **kwargs)

    def run(self) -> None:
        self.app.set_current()
        self.service.start()

    def stop(self) -> None:
        """End it, and wait until it has written what it keeps."""
        self.service.stop(wait=True)


class _Process(ForkProcess):
    """A service in a child of this process; `start` and `stop`."""

    def __init__(self, app: Umbel, **kwargs: Any) -> None:
        super().__init__(name="Beat")
        self.app = app
        self.service = Service(app, **kwargs)

    def run(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: whoever started this ends it
        signal.signal(signal.SIGTERM, self._stop)
        self.app.set_default()
        self.app.set_current()
        self.service.start(embedded_process=True)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self.service.busy:
            raise SystemExit
        self.service.stop()

    def stop(self) -> None:
        """End it; it writes what it keeps."""
        self.service.stop()
        self.terminate()


def EmbeddedService(app: Umbel, max_interval: float | None = None, **kwargs: Any) -> Any:  # noqa: N802 - Celery's name
    """A service that runs beside something else.

    Args:
        app: the application.
        max_interval: seconds that it sleeps at most.
        kwargs: ``thread=True`` for a thread in the place of a process, and those of `Service`.

    Returns:
        What has ``start()`` and ``stop()``.

    Example:
        >>> beat = EmbeddedService(app, thread=True)   # doctest: +SKIP
        >>> beat.start()   # doctest: +SKIP
    """
    kwargs.setdefault("remote_control", False)
    if kwargs.pop("thread", False):
        return _Threaded(app, max_interval=1, **kwargs)
    return _Process(app, max_interval=max_interval, **kwargs)
