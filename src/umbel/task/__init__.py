"""Tasks.

base.py       Task: options, hooks, request, retry
calls.py      how it is called: delay, apply_async, bulk, and their twins for coroutines
types.py      the types of a call
binding.py    how it becomes one of an app, and what is set on it there
stack.py      its requests, the innermost last
arguments.py  whether a call fits the function, and conversion by annotation
options.py    options that come from the settings
bulk.py       batches of a bulk call
eager.py      running a task in the caller
"""

from __future__ import annotations

from .base import Task
from .types import SendOptions

__all__ = ["SendOptions", "Task"]
