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
    from .canvas import Signature, maybe_signature, signature, subtask
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

# Inside of functions, because the app with its settings and stores takes many times longer to load than this module.
# ruff: noqa: PLC0415


def _of_app() -> dict[str, Any]:
    from .app import Umbel, app_or_default, current_app, current_task, get_current_app, shared_task

    return locals()


def _of_canvas() -> dict[str, Any]:
    from .canvas import Signature, maybe_signature, signature, subtask

    return locals()


def _of_result() -> dict[str, Any]:
    from .result import AsyncResult, EagerResult, allow_join_result

    return locals()


def _of_task() -> dict[str, Any]:
    from .task import Task

    return locals()


def _small() -> dict[str, Any]:
    import umbel.signals as signals

    from .ids import new_id as uuid
    from .priority import Priority

    return locals()


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in (_small, _of_result, _of_canvas, _of_task, _of_app):
            if name in home.__code__.co_varnames:
                globals().update(home())
                return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
