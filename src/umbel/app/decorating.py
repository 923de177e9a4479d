"""From a function to a task: the class made for it, its name, and whether the name is free."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..exceptions import DuplicateTaskNameWarning
from ..retry import autoretry
from ..task import Task

_NOT_ATTRIBUTES: Final = frozenset({"name", "bind", "base", "shared", "lazy", "filter"})


def task_name(main: str | None, function_name: str, module: str) -> str:
    """``module.function``; in a script the app's name stands for ``__main__``.

    Example:
        >>> task_name("hello", "add", "__main__"), task_name("hello", "add", "proj.tasks")
        ('hello.add', 'proj.tasks.add')
    """
    if module == "__main__" and main:
        module = main
    return f"{module}.{function_name}" if module else function_name


def make_task(
    app: Any, function: Callable[..., Any], name: str, base: type[Any], options: Mapping[str, Any]
) -> Task[..., Any]:
    """A task of a class of its own, so that hooks and options given to the decorator are its alone.

    Args:
        app: the app it belongs to.
        function: what it runs.
        name: its name.
        base: class to derive from.
        options: the decorator's.
    """
    bind = bool(options.get("bind"))
    attributes = {option: value for option, value in options.items() if option not in _NOT_ATTRIBUTES}
    attributes.update(
        name=name, bound=bind, abstract=False, _app=app, _decorated_fun=staticmethod(function),
        run=function if bind else staticmethod(function), __doc__=function.__doc__, __module__=function.__module__,
        __annotations__=getattr(function, "__annotations__", {}), __wrapped__=staticmethod(function),
    )  # fmt: skip
    attributes.setdefault("typing", base.typing and app.strict_typing)
    task: Any = type(function.__name__, (base,), attributes)()
    task.__dict__.update(__name__=function.__name__, __qualname__=function.__qualname__, __wrapped__=function)
    with_autoretry(task)
    task.on_bound(app)
    made: Task[..., Any] = task
    return made


def with_autoretry(task: Any) -> None:
    """Put ``autoretry_for`` around the function."""
    guarded = autoretry(task, task.run, task.is_async)
    if guarded is not task.run and task.autoretry_for:
        task.run = guarded


def is_same(task: Any, function: Callable[..., Any]) -> bool:
    """Whether a task was made of this function, or of the same one in a module that was loaded again."""
    known = getattr(task, "__wrapped__", None)
    if known is None:
        return False
    code, other = getattr(known, "__code__", None), getattr(function, "__code__", None)
    if known is function or code is None or other is None:
        return known is function
    return (code.co_filename, code.co_firstlineno) == (other.co_filename, other.co_firstlineno) or (
        known.__module__ == function.__module__ and known.__qualname__ == function.__qualname__
        and code.co_filename == other.co_filename
    )  # fmt: skip


def warn_duplicate(name: str, task: Any, function: Callable[..., Any]) -> None:
    """Two functions want one name: the first keeps it."""
    first = getattr(task, "__wrapped__", type(task))
    warnings.warn(
        f"Two tasks are called {name!r}: {_where(first)} keeps the name, {_where(function)} is not registered; "
        "give one of them another `name=`.",
        DuplicateTaskNameWarning,
        stacklevel=4,
    )


def _where(function: Any) -> str:
    code = getattr(function, "__code__", None)
    shown = f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', function)}"
    return f"{shown} ({code.co_filename}:{code.co_firstlineno})" if code is not None else shown
