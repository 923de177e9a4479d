"""umbel: a distributed task runner that needs no server to start with, and speaks Celery's API and messages.

    app = Umbel("hello")

    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    add.delay(4, 6).get(timeout=10)

Names are loaded when they are first used, so that ``import umbel`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import exceptions, states
from .exceptions import Ignore, MaxRetriesExceededError, OperationalError, Reject, Retry, TimeoutError

if TYPE_CHECKING:
    from . import signals
    from .app import Umbel, app_or_default, current_app, current_task, get_current_app, shared_task
    from .canvas import Signature, chain, chord, chunks, group, maybe_signature, signature, subtask, xmap, xstarmap
    from .ids import new_id as uuid
    from .integrations.celery import install_as_celery
    from .priority import Priority
    from .result import AsyncResult, EagerResult, allow_join_result
    from .task import Task

__version__ = "0.1.0"

__all__ = [
    "AsyncResult", "EagerResult", "Ignore", "MaxRetriesExceededError", "OperationalError", "Priority", "Reject",
    "Retry", "Signature", "Task", "TimeoutError", "Umbel", "__version__", "allow_join_result", "app_or_default",
    "chain", "chord", "chunks", "current_app", "current_task", "exceptions", "get_current_app", "group",
    "install_as_celery", "maybe_signature", "shared_task", "signals", "signature", "states", "subtask", "uuid",
    "xmap", "xstarmap",
]  # fmt: skip

# Inside of functions, because the app with its settings and stores takes many times longer to load than this module.
# ruff: noqa: PLC0415


def _app() -> Any:
    from . import app

    return app


def _canvas() -> Any:
    from . import canvas

    return canvas


def _ids() -> Any:
    from . import ids

    return ids


def _integrations() -> Any:
    from .integrations import celery

    return celery


def _priority() -> Any:
    from . import priority

    return priority


def _result() -> Any:
    from . import result

    return result


def _task() -> Any:
    from . import task

    return task


def _umbel() -> Any:
    import umbel.signals

    return umbel


_HOMES = {
    "Umbel": _app, "app_or_default": _app, "current_app": _app, "current_task": _app, "get_current_app": _app,
    "shared_task": _app,
    "Signature": _canvas, "chain": _canvas, "chord": _canvas, "chunks": _canvas, "group": _canvas,
    "xmap": _canvas, "xstarmap": _canvas, "maybe_signature": _canvas, "signature": _canvas, "subtask": _canvas,
    "install_as_celery": _integrations,
    "Priority": _priority,
    "AsyncResult": _result, "EagerResult": _result, "allow_join_result": _result,
    "Task": _task,
    "signals": _umbel,
    "uuid": _ids,
}  # fmt: skip


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(home(), "new_id" if name == "uuid" else name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
