"""map, starmap and chunks: one message for many calls of a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar

from ..sender import App
from . import kinds
from .base import Signature
from .groups import group


class _Map(Signature[Any]):
    task_name: ClassVar[str]
    shown: ClassVar[str]

    def __init__(self, task: Any, it: Iterable[Any], **options: Any) -> None:
        super().__init__(self.task_name, (), {"task": task, "it": kinds.listed(it)}, immutable=True, **options)

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: App | None = None) -> Any:
        """The call that a dictionary means."""
        return cls(d["kwargs"]["task"], d["kwargs"]["it"], app=app, **d["options"])

    def apply_async(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None, **options: Any,
    ) -> Any:  # fmt: skip
        """Send one message, in which the task is called with each of the arguments."""
        given = self.merged((), {}, {name: value for name, value in options.items() if value is not None})[2]
        return self.type.apply_async((), dict(self.kwargs), route_name=route_name or self._routed_as(), **given)

    def _routed_as(self) -> str:
        task = self.kwargs["task"]
        return str(task["task"] if isinstance(task, Mapping) else getattr(task, "name", task))

    def __repr__(self) -> str:
        text = repr(self.kwargs["it"])
        return f"[{self._routed_as()}({self.shown}) for x in {text if len(text) <= 100 else text[:97] + '...'}]"


@Signature.register_type()
class xmap(_Map):  # noqa: N801 - Celery's name
    """One message that calls a task with each of many arguments, one after the other; its result is the list.

    Args:
        task: signature of the task.
        it: the arguments, one for each call.
        options: of the message.
    """

    task_name = "celery.map"
    shown = "x"


@Signature.register_type()
class xstarmap(_Map):  # noqa: N801 - Celery's name
    """The same, where each argument is a tuple of arguments."""

    task_name = "celery.starmap"
    shown = "*x"


@Signature.register_type()
class chunks(Signature[Any]):  # noqa: N801 - Celery's name
    """Many calls of a task in messages of ``n`` calls each.

    Args:
        task: signature of the task.
        it: tuples of arguments, one for each call.
        n: calls in a message.
        options: of the messages.
    """

    def __init__(self, task: Any, it: Iterable[Any], n: int, **options: Any) -> None:
        super().__init__("celery.chunks", (), {"task": task, "it": kinds.listed(it), "n": n}, immutable=True, **options)

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: App | None = None) -> Any:
        """The call that a dictionary means."""
        kwargs = d["kwargs"]
        return cls(kwargs["task"], kwargs["it"], kwargs["n"], app=app, **d["options"])

    def __call__(self, **options: Any) -> Any:
        """Send it."""
        return self.apply_async(**options)

    def apply_async(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None, **options: Any,
    ) -> Any:  # fmt: skip
        """Send the messages; returns their results as a group."""
        task = self.kwargs["task"]
        name = route_name or (task["task"] if isinstance(task, Mapping) else getattr(task, "name", task))
        return self.group().apply_async(args, kwargs, route_name=name, **options)

    def group(self) -> group:
        """The group of messages."""
        task, size = self.kwargs["task"], self.kwargs["n"]
        return group([xstarmap(task, part, app=self._app) for part in _parts(self.kwargs["it"], size)], app=self._app)

    @classmethod
    def apply_chunks(cls, task: Any, it: Iterable[Any], n: int, app: App | None = None) -> Any:
        """Send them."""
        return cls(task, it, n, app=app)()


def _parts(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    source = iter(values)
    while part := list(islice(source, size)):
        yield part
