"""Cameras: what looks at the state of a cluster from time to time, by Celery's names.

class Rows(Polaroid):
    clear_after = True                 # forget what was written

    def on_shutter(self, state):
        for uuid, task in state.tasks_by_time():
            ...

umbel -A proj events --camera proj.cameras.Rows --frequency 10
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from .. import clock
from ..signals import Signal
from ..utils.time import interval
from ..utils.timer import Entry, Ticking, Timer
from .source import current_events
from .state import State

logger: Final = logging.getLogger("celery.evcam")


class Polaroid:
    """A camera; derive your own and write `on_shutter`.

    Args:
        state: what it looks at.
        freq: seconds between two pictures.
        maxrate: how often it takes one at most, as ``"10/m"``; between these it only waits.
        cleanup_freq: seconds between two calls of `on_cleanup`.
        timer: calls it; one with a thread of its own unless given.
        app: the application; the current one unless given.

    Attributes:
        clear_after: the state is forgotten after each picture, but for tasks that have not ended.
        shutter_signal, cleanup_signal: sent with the state, before `on_shutter` and `on_cleanup`.
    """

    timer: Timer | None = None
    clear_after = False
    shutter_signal: ClassVar[Signal] = Signal({"state"}, name="shutter_signal")
    cleanup_signal: ClassVar[Signal] = Signal(name="cleanup_signal")

    def __init__(
        self, state: State, freq: float = 1.0, maxrate: str | float | None = None, cleanup_freq: float = 3600.0,
        timer: Timer | None = None, app: Any = None,
    ) -> None:  # fmt: skip
        self.app = current_events() if app is None else app
        self.state = state
        self.freq = freq
        self.cleanup_freq = cleanup_freq
        given = self.timer if timer is None else timer  # one without calls is false
        self.timer = Ticking() if given is None else given
        self.logger = logger
        self.maxrate = maxrate
        self._pause = interval(maxrate)
        self._next = 0.0
        self._shutter: Entry | None = None
        self._cleanup: Entry | None = None

    def install(self) -> None:
        """Begin to take pictures."""
        assert self.timer is not None
        self._shutter = self.timer.call_repeatedly(self.freq, self.capture)
        self._cleanup = self.timer.call_repeatedly(self.cleanup_freq, self.cleanup)

    def on_shutter(self, state: State) -> None:
        """Called with the state, which nothing changes meanwhile."""

    def on_cleanup(self) -> None:
        """Called now and then, to remove what is old."""

    def cleanup(self) -> None:
        """Say that it is time to remove what is old."""
        logger.debug("Cleanup: Running...")
        self.cleanup_signal.send(sender=self.state)
        self.on_cleanup()

    def shutter(self) -> None:
        """Take a picture, unless the last one was too short a time ago."""
        now = clock.monotonic()
        if now < self._next:
            return
        self._next = now + self._pause
        logger.debug("Shutter: %s", self.state)
        self.shutter_signal.send(sender=self.state)
        self.on_shutter(self.state)

    def capture(self) -> None:
        """Take a picture while no event changes anything."""
        self.state.freeze_while(self.shutter, clear_after=self.clear_after)

    def cancel(self) -> None:
        """Take the last picture, and no more."""
        if self._shutter is not None:
            self._shutter.cancel()
        if self._cleanup is not None:
            self._cleanup.cancel()
        if isinstance(self.timer, Ticking):
            self.timer.stop()
        if self._shutter is not None:
            self._shutter()

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()
