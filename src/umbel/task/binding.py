"""Binding: how a task, or a class of tasks, becomes one of an app, and what `task_annotations` says about it.

An entry of the annotations is a dictionary of task names (``*`` for all) with their attributes, or an object that is
asked: ``annotate(task)`` and ``annotate_any()``. An attribute that is called ``@name`` is a function that gets the
method of that name and returns the one to take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..backend import Backend
from ..sender import App, current_sender
from .stack import RequestStack


class Binding:
    """The part of `Task` that knows its app."""

    name: str
    _app: App | None = None

    @classmethod
    def bind(cls, app: Any) -> Any:
        """Make the tasks of this class those of an app; returns the app.

        Example:
            >>> class Noisy(Task): ...   # doctest: +SKIP
            >>> Noisy.bind(app)   # doctest: +SKIP
        """
        cls._app = app
        cls.annotate()
        cls.on_bound(app)
        return app

    @classmethod
    def on_bound(cls, app: Any) -> None:
        """Called when a task of this class has become one of an app; make it a class method too."""

    @classmethod
    def annotate(cls) -> None:
        """Set what `task_annotations` says about the class."""
        app: Any = cls._app if cls._app is not None else current_sender()
        for attribute, value in dict(entries(app.annotations, cls)).items():
            if attribute.startswith("@"):
                cls.add_around(attribute[1:], value)
            else:
                setattr(cls, attribute, value)

    @classmethod
    def add_around(cls, attr: str, around: Callable[[Any], Any]) -> None:
        """Put something in the place of a method of the class; the method that it had first is what is wrapped.

        Args:
            attr: name of the method.
            around: gets the method, returns what takes its place.
        """
        method = getattr(cls, attr)
        method = getattr(method, "__wrapped__", None) or method
        replaced = around(method)
        if callable(replaced):
            setattr(replaced, "__wrapped__", method)  # noqa: B010 - no type says that a callable takes attributes
        setattr(cls, attr, replaced)

    def annotate_itself(self, annotations: Iterable[Any]) -> None:
        """Set what these annotations say about this task alone."""
        for attribute, value in dict(entries(annotations, self)).items():
            name = attribute.removeprefix("@")
            setattr(self, name, value if name == attribute else value(getattr(self, name)))

    def belongs_to(self, app: Any) -> None:
        """Make it a task of this app."""
        self._app = app

    @property
    def app(self) -> App:
        """The app that the task belongs to, else the current one."""
        return self._app if self._app is not None else current_sender()

    def _get_app(self) -> App:
        """The same, by the name that base classes written for Celery have for it."""
        return self.app

    @property
    def backend(self) -> Backend | None:
        """This thread's connection to the results of its app, None when none are kept."""
        return self.app.backend()

    @property
    def request_stack(self) -> RequestStack:
        """Its requests in this context, the innermost last."""
        return RequestStack(self)


def entries(annotations: Iterable[Any], task: Any) -> Iterator[tuple[str, Any]]:
    """What annotations say about a task or a class of tasks: what is for all first, then what is for its name."""
    for entry in annotations:
        if isinstance(entry, Mapping):
            found: list[Mapping[str, Any] | None] = [entry.get("*"), entry.get(task.name)]
        else:
            found = [ask() for ask in (getattr(entry, "annotate_any", None),) if ask]
            found += [ask(task) for ask in (getattr(entry, "annotate", None),) if ask]
        for attributes in found:
            yield from (attributes or {}).items()
