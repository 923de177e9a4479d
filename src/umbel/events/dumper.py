"""Events as lines of text, as ``celery events --dump`` writes them: scripts read them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import IO, Any, Final

from .lru import LRUCache
from .source import Source, current_events

HUMAN_TYPES: Final = {"worker-offline": "shutdown", "worker-online": "started", "worker-heartbeat": "heartbeat"}

_NAMED: Final = ("task-received", "task-sent")


def humanize_type(type: str) -> str:
    """A type in words.

    Example:
        >>> humanize_type("worker-online"), humanize_type("task-failed")
        ('started', 'task failed')
    """
    kind = type.lower()
    return HUMAN_TYPES.get(kind) or kind.replace("-", " ")


class Dumper:
    """Writes each event as one line.

    Args:
        out: where to.
    """

    def __init__(self, out: IO[str] | None = None) -> None:
        self.out = out or sys.stdout
        self._tasks: LRUCache[str, str] = LRUCache(0xFFF)

    def say(self, msg: str) -> None:
        """Write one line, at once: somebody may read it in a pipe."""
        print(msg, file=self.out, flush=True)

    def on_event(self, ev: dict[str, Any]) -> None:
        """Write one event; the handler of a receiver."""
        left = dict(ev)
        moment = datetime.fromtimestamp(left.pop("timestamp"), UTC)
        kind, hostname, what = left.pop("type").lower(), left.pop("hostname"), ""
        if kind.startswith("task-"):
            uuid = left.pop("uuid")
            if kind in _NAMED:
                name, args, kwargs = (left.pop(field, None) for field in ("name", "args", "kwargs"))
                self._tasks[uuid] = f"{name}({uuid}) args={args} kwargs={kwargs}"
            what = f" {self._tasks.get(uuid, '')}"
        fields = ", ".join(f"{name}={left[name]}" for name in sorted(left))
        self.say(f"{hostname} [{moment}] {humanize_type(kind)}{':' if fields else ''}{what} {fields}")


def evdump(app: Source | None = None, out: IO[str] | None = None) -> None:
    """Write all events until interrupted."""
    app = app or current_events()
    dumper = Dumper(out)
    dumper.say("-> evdump: starting capture...")
    try:
        app.events.Receiver(handlers={"*": dumper.on_event}).capture()
    except (KeyboardInterrupt, SystemExit):
        return
