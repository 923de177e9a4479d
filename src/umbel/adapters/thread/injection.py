"""Raising a given exception instance inside another thread.

CPython raises an asynchronous exception by its class and makes the instance itself. To get one certain instance out,
with its arguments and its identity, the class that is handed over is a subclass made for this one injection, whose
instantiation returns the instance: ``except``, ``isinstance`` and ``is`` see the real one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

_PROTOTYPE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_ulong, ctypes.py_object)
# A function object of our own: argument types set on the one that ctypes.pythonapi caches would be everybody's.
_set_async_exc: Callable[[int, Any], int] = _PROTOTYPE(("PyThreadState_SetAsyncExc", ctypes.pythonapi))
_NOTHING = ctypes.py_object()


def carrier(error: BaseException, kept: list[BaseException]) -> type[BaseException]:
    """A class whose instantiation yields ``error``, which is appended to ``kept``.

    Empty ``kept`` when the exception has left the function: the class is freed by the garbage collector only, and the
    error's traceback holds all that the task had in its variables.
    """
    place = len(kept)
    kept.append(error)

    def instance(_cls: type[BaseException], *made: BaseException) -> BaseException:
        # CPython 3.11 instantiates once more, with the instance, which is not one of this class
        return made[0] if made else kept[place]

    return type(type(error).__name__, (type(error),), {"__new__": instance, "__slots__": ()})


def inject(thread: int, kind: type[BaseException]) -> bool:
    """Have ``kind`` raised in the thread as soon as it executes Python code; replaces one that waits there.

    Returns:
        False when no such thread lives.
    """
    return _set_async_exc(thread, kind) > 0


def withdraw(thread: int) -> None:
    """Take back what waits to be raised in the thread."""
    _set_async_exc(thread, _NOTHING)
