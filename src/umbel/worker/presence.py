"""Presence: what the supervisor says of its worker to those who watch, and whether its children report their tasks.

    worker-online, worker-heartbeat every 2 s (`--heartbeat-interval`), worker-offline

While nobody listens a heartbeat goes out every 10 s only; whoever begins to listen asks for one. A child is told by the
shared page what to do when it is born, and by its control pipe when that changes.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from .. import clock
from ..event import made, routing_key
from ..monitor import Monitored

if TYPE_CHECKING:
    from ..app import Umbel
    from .brood import Brood
    from .options import WorkerOptions

logger = logging.getLogger("umbel.worker")

UNHEARD: Final = 10.0
"""Seconds between two heartbeats to which nobody listens."""

WATCH: Final = "watch"
"""Said to a child: report your tasks from now on."""

UNWATCH: Final = "unwatch"

SPOKEN: Final = "5.7.0"
"""The version of Celery whose events these are."""


class Presence:
    """One supervisor's.

    Args:
        app: the application.
        options: the worker's.
        brood: its children.
    """

    def __init__(self, app: Umbel, options: WorkerOptions, brood: Brood) -> None:
        self._app = app
        self._node = options.hostname
        self._frequency = options.heartbeat
        self._brood = brood
        self._carried = isinstance(app.broker, Monitored)
        self._watching = options.task_events
        self._last = 0.0
        self._said = False
        software = {"sw_ident": "py-celery", "sw_ver": f"{SPOKEN}+umbel{version('umbel')}"}
        self._software = {**software, "sw_sys": platform.system()}

    @property
    def cell(self) -> int:
        """What the page tells a child that is born now."""
        return os.getpid() if self._watching and self._carried else -os.getpid()

    def answers(self) -> dict[str, Callable[[], dict[str, str] | None]]:
        """Control requests that are about events."""
        return {
            "enable_events": self.enable_events, "disable_events": self.disable_events, "heartbeat": self.heartbeat,
        }  # fmt: skip

    def online(self) -> None:
        """The worker is ready."""
        self._say("worker-online")

    def beat(self, now: float) -> None:
        """Say a heartbeat when it is time."""
        if not (self._said and self._frequency):
            return
        if now - self._last >= (self._frequency if self._app.events.herald.heard else max(UNHEARD, self._frequency)):
            self._say("worker-heartbeat")

    def offline(self) -> None:
        """The worker leaves; waits a second at most until that is said."""
        if self._said:
            self._say("worker-offline")
            self._app.events.close(1.0)

    def heartbeat(self) -> None:
        """Somebody asked who is there."""
        self._post("worker-heartbeat", {"freq": 5, **self._software})

    def enable_events(self) -> dict[str, str]:
        """From now on the children report their tasks."""
        if self._watching:
            return {"ok": "task events already enabled"}
        self._watching = True
        self._brood.tell(WATCH)
        logger.info("Events of group {task} enabled by remote.")
        return {"ok": "task events enabled"}

    def disable_events(self) -> dict[str, str]:
        """From now on they do not."""
        if not self._watching:
            return {"ok": "task events already disabled"}
        self._watching = False
        self._brood.tell(UNWATCH)
        logger.info("Events of group {task} disabled by remote.")
        return {"ok": "task events disabled"}

    def _say(self, kind: str) -> None:
        self._said = self._carried
        self._last = clock.monotonic()
        self._post(kind, {
            "freq": self._frequency, "active": self._brood.active, "processed": self._brood.processed,
            "loadavg": [round(load, 2) for load in os.getloadavg()], **self._software,
        })  # fmt: skip

    def _post(self, kind: str, fields: dict[str, Any]) -> None:
        if self._carried:
            events = self._app.events
            event = made(kind, self._node, os.getpid(), events.clock, fields)
            events.herald.post(routing_key(kind), self._node, event)
