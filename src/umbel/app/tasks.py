"""The tasks of an app: how functions become tasks, and how they are found again by name."""

from __future__ import annotations

import threading
import weakref
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

from .. import signals
from ..loading import exists, symbol
from ..registry import TaskRegistry
from ..task import Task
from . import decorating, django
from .builtins import BOUND, BUILTINS

P = ParamSpec("P")
R = TypeVar("R")


class AsyncTask(Task[P, R]):
    """The type of a task whose function is a coroutine function: calling it gives a coroutine."""

    @abstractmethod
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:  # type: ignore[override]
        ...


class Decorator(Protocol):
    """``@app.task(...)`` on a function without ``self``."""

    @overload
    def __call__(self, fun: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, fun: Callable[P, R], /) -> Task[P, R]: ...


class BoundDecorator(Protocol):
    """``@app.task(bind=True, ...)``: the function's first parameter is the task."""

    @overload
    def __call__(self, fun: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, fun: Callable[Concatenate[Any, P], R], /) -> Task[P, R]: ...


class Shared:
    """Tasks that every app has: those of `shared_task`."""

    def __init__(self) -> None:
        self.entries: list[tuple[Callable[..., Any], dict[str, Any]]] = []
        self.apps: weakref.WeakSet[Any] = weakref.WeakSet()

    def add(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self.entries.append((function, options))
        for app in list(self.apps):
            if app.finalized:
                app.task_from_function(function, **options)


shared = Shared()


class Tasks:
    """The part of `Umbel` that keeps tasks."""

    main: str | None
    conf: Any
    task_cls: type[Task[..., Any]] = Task
    on_after_finalize: signals.Signal

    def _prepare_tasks(self) -> None:
        self._tasks: TaskRegistry[Task[..., Any]] = TaskRegistry()
        self.finalized = False
        self._finalizing = threading.RLock()
        self._packages: list[tuple[Callable[[], Iterable[str]], str | None]] = []
        shared.apps.add(self)

    @overload
    def task(self, fun: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncTask[P, R]: ...
    @overload
    def task(self, fun: Callable[P, R], /) -> Task[P, R]: ...
    @overload
    def task(self, *, bind: Literal[True], **opts: Any) -> BoundDecorator: ...
    @overload
    def task(self, *, bind: Literal[False] = ..., **opts: Any) -> Decorator: ...
    def task(self, *args: Any, **opts: Any) -> Any:
        """Make a function a task.

        Args:
            args: the function, when the decorator has no options.
            opts: attributes of `Task`, and name (module.function), bind (the first parameter is the task), base (class
                to derive from), shared (other apps have it too).

        Example:
            >>> @app.task(bind=True, max_retries=5)   # doctest: +SKIP
            ... def fetch(self, url): ...
        """
        return decorated(args, opts, self._from_decorator)

    def _from_decorator(self, function: Callable[..., Any], opts: dict[str, Any]) -> Task[..., Any]:
        if opts.get("filter"):
            function = opts["filter"](function)
        task = self.task_from_function(function, **opts)
        if opts.get("shared"):
            shared.add(function, {**opts, "name": task.name})
        return task

    def task_from_function(
        self, function: Callable[..., Any], name: str | None = None, **options: Any
    ) -> Task[..., Any]:
        """The task of a function: the one that has its name already, or a new one."""
        name = name or self.gen_task_name(function.__name__, function.__module__)
        known = self._tasks.get(name)
        if known is not None:
            if not decorating.is_same(known, function):
                decorating.warn_duplicate(name, known, function)
            return known
        base = options.get("base") or self.task_cls
        task = decorating.make_task(self, function, name, base, options)
        self._annotate(task)
        self._tasks[name] = task
        return task

    @overload
    def register_task(self, task: Task[P, R], **options: Any) -> Task[P, R]: ...
    @overload
    def register_task(self, task: type[Task[P, R]], **options: Any) -> Task[P, R]: ...
    def register_task(self, task: Any, **options: Any) -> Any:
        """Add a task that is an instance of a class; the last one of a name wins.

        Example:
            >>> app.register_task(Import())   # doctest: +SKIP
        """
        if isinstance(task, type):
            task = task()
        if not task.name:
            kind = type(task)
            task.name = self.gen_task_name(kind.__name__, kind.__module__)
        for option, value in options.items():
            setattr(task, option, value)
        task.belongs_to(self)
        decorating.with_autoretry(task)
        task.on_bound(self)
        self._annotate(task)
        self._tasks[task.name] = task
        return task

    def _annotate(self, task: Task[..., Any]) -> None:
        """Set what `task_annotations` says about it; not before the settings may be read."""
        if self.finalized:
            task.annotate_itself(self.annotations)

    @property
    def annotations(self) -> list[Any]:
        """The entries of `task_annotations`: dictionaries, and objects that are asked for one."""
        written = self.conf.task_annotations or ()
        entries = [*written] if isinstance(written, list | tuple) else [written]
        return [symbol(entry)() if isinstance(entry, str) else entry for entry in entries]

    def gen_task_name(self, name: str, module: str) -> str:
        """The name of a task: override it for names of your own."""
        return decorating.task_name(self.main, name, module)

    @property
    def tasks(self) -> TaskRegistry[Task[..., Any]]:
        """All tasks by name, those of `shared_task` included."""
        if not self.finalized:
            self.finalize()
        return self._tasks

    def finalize(self, auto: bool = False) -> None:
        """Take in what `shared_task` has declared; happens by itself."""
        with self._finalizing:
            if not self.finalized:
                for name, builtin in BUILTINS.items():
                    self.task_from_function(builtin, name=name, bind=name in BOUND)
                for function, options in list(shared.entries):
                    self.task_from_function(function, **options)
                self.finalized = True
                for task in list(self._tasks.values()):
                    self._annotate(task)
                self.on_after_finalize.send(sender=self)

    def autodiscover_tasks(
        self, packages: Iterable[str] | Callable[[], Iterable[str]] | None = None, related_name: str | None = "tasks",
        force: bool = False,
    ) -> None:  # fmt: skip
        """Import the module ``related_name`` of each package when a worker (or anybody) imports the app's modules.

        Args:
            packages: names, or a function that gives them; None: the installed applications of a Django project.
            related_name: module in each of them; None imports the packages themselves.
            force: import now.
        """
        named = django.packages if packages is None else packages
        self._packages.append((named if callable(named) else lambda: named, related_name))
        if force:
            self._import_packages()

    def import_modules(self) -> None:
        """Import what `include`, `imports` and `autodiscover_tasks` name, so that all tasks are known.

        A Django project (``DJANGO_SETTINGS_MODULE``) is set up first.
        """
        django.set_up()
        signals.import_modules.send(sender=self)
        for module in (*self.conf.include, *self.conf.imports):
            symbol(module)
        self._import_packages()

    def _import_packages(self) -> None:
        for packages, related_name in self._packages:
            for package in packages():
                name = package if related_name is None else f"{package}.{related_name}"
                if related_name is None or exists(name):
                    symbol(name)


def decorated(args: tuple[Any, ...], opts: dict[str, Any], make: Callable[[Any, dict[str, Any]], Any]) -> Any:
    """A decorator that is written with or without options."""
    if not args:
        return lambda function: make(function, opts)
    function, *more = args
    if more or not callable(function):
        raise TypeError("@task takes a function; write options by name: @app.task(name=..., bind=True).")
    return make(function, opts)
