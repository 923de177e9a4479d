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

if TYPE_CHECKING:
    from . import exceptions, signals, states
    from .app import Umbel, app_or_default, current_app, current_task, get_current_app, shared_task
    from .canvas import Signature, maybe_signature, signature, subtask
    from .exceptions import Ignore, MaxRetriesExceededError, OperationalError, Reject, Retry, TimeoutError
    from .ids import new_id as uuid
    from .priority import Priority
    from .result import AsyncResult, EagerResult, allow_join_result
    from .task import Task

__version__ = "0.1.0"

__all__ = [
    "AsyncResult", "EagerResult", "Ignore", "MaxRetriesExceededError", "OperationalError", "Priority", "Reject", "Retry",
    "Signature", "Task", "TimeoutError", "Umbel", "__version__", "allow_join_result", "app_or_default", "current_app",
    "current_task", "exceptions", "get_current_app", "maybe_signature", "shared_task", "signals", "signature", "states",
    "subtask", "uuid",
]  # fmt: skip



def _app() -> Any:
    from . import app  # noqa: PLC0415 - tasks, settings and stores: only who uses them waits for them

    return app


def _canvas() -> Any:
    from . import canvas  # noqa: PLC0415 - as above

    return canvas


def _exceptions() -> Any:
    from . import exceptions  # noqa: PLC0415 - as above

    return exceptions


def _ids() -> Any:
    from . import ids  # noqa: PLC0415 - as above

    return ids


def _priority() -> Any:
    from . import priority  # noqa: PLC0415 - as above

    return priority


def _result() -> Any:
    from . import result  # noqa: PLC0415 - as above

    return result


def _signals() -> Any:
    from . import signals  # noqa: PLC0415 - as above

    return signals


def _states() -> Any:
    from . import states  # noqa: PLC0415 - as above

    return states


def _task() -> Any:
    from . import task  # noqa: PLC0415 - as above

    return task


_NAMES = {
    _app: ("Umbel", "app_or_default", "current_app", "current_task", "get_current_app", "shared_task"),
    _canvas: ("Signature", "maybe_signature", "signature", "subtask"),
    _exceptions: ("Ignore", "MaxRetriesExceededError", "OperationalError", "Reject", "Retry", "TimeoutError"),
    _priority: ("Priority",),
    _result: ("AsyncResult", "EagerResult", "allow_join_result"),
    _task: ("Task",),
}
_MODULES = {"exceptions": _exceptions, "signals": _signals, "states": _states}
_HOME = {name: home for home, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        found = getattr(_HOME[name](), name)
    elif name in _MODULES:
        found = _MODULES[name]()
    elif name == "uuid":
        found = _ids().new_id
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
