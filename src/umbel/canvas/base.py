"""Signature: a call that has not been made yet, as a dictionary that travels as it is.

Exactly Celery's six keys: ``task, args, kwargs, options, subtask_type, immutable``. Merging, when a signature is called
with more arguments: arguments are put in front, keyword arguments and options win over those it has. An immutable one
takes no more arguments; it still takes options.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from ..ids import new_id
from ..result import AsyncResult, EagerResult
from ..saferepr import saferepr
from ..sender import App, current_sender

R = TypeVar("R")
_STAYS = frozenset({"group_id", "stamped_headers"})
"""Options that a caller does not change once they are set."""


class Signature(dict[str, Any], Generic[R]):
    """A call to be made.

    Args:
        task: task, task name, or the dictionary form of a signature.
        args, kwargs: arguments.
        options: as `Task.apply_async` takes them.
        type: the task itself, when ``task`` is a name.
        subtask_type: None for a plain task.
        immutable: ignore the results of the tasks before.
        app: the app that sends it; that of the task, or the current one.
        ex: more options.

    Example:
        >>> Signature("proj.add", (2,), {"y": 3}).clone(args=(1,)).args
        (1, 2)
    """

    _app: App | None = None
    _type: Any = None

    def __init__(
        self, task: Any = None, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None, type: Any = None, subtask_type: str | None = None,
        immutable: bool = False, app: App | None = None, **ex: Any,
    ) -> None:  # fmt: skip
        self._app = app
        if isinstance(task, dict):
            super().__init__({**_empty(), **{key: value for key, value in task.items() if value is not None}})
            return
        name = task if isinstance(task, str) else getattr(task, "name", None)
        self._type = type if isinstance(task, str) else task
        super().__init__(
            task=name, args=tuple(args or ()), kwargs=dict(kwargs or {}), options={**(options or {}), **ex},
            subtask_type=subtask_type, immutable=immutable,
        )  # fmt: skip

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: App | None = None) -> Signature[Any]:
        """The signature that a dictionary means."""
        return Signature(dict(d), app=app)

    @property
    def app(self) -> App:
        """The app that sends it."""
        app = self._app
        if app is None:
            app = self._app = self._type.app if self._type is not None else current_sender()
        return app

    @property
    def type(self) -> Any:
        """The task; raises `NotRegistered` when it is not known here."""
        return self._type if self._type is not None else self.app.tasks[self["task"]]

    @property
    def name(self) -> str:
        """Task name."""
        return str(self["task"])

    @property
    def task(self) -> str:
        """Task name, by Celery's key."""
        return str(self["task"])

    @property
    def args(self) -> tuple[Any, ...]:
        """Positional arguments."""
        return tuple(self["args"])

    @property
    def kwargs(self) -> dict[str, Any]:
        """Keyword arguments."""
        found: dict[str, Any] = self["kwargs"]
        return found

    @property
    def options(self) -> dict[str, Any]:
        """Options of the call, as for `apply_async`."""
        found: dict[str, Any] = self["options"]
        return found

    @property
    def immutable(self) -> bool:
        """Whether it takes no result of a task before it."""
        return bool(self.get("immutable"))

    @property
    def subtask_type(self) -> str | None:
        """Kind of workflow ("chain", ...), None for a single task."""
        found: str | None = self.get("subtask_type")
        return found

    @property
    def id(self) -> str | None:
        """Its task id, once it is frozen."""
        found: str | None = self["options"].get("task_id")
        return found

    def __call__(self, *partial_args: Any, **partial_kwargs: Any) -> Any:
        """Call the function here."""
        args, kwargs, _options = self.merged(partial_args, partial_kwargs)
        return self.type(*args, **kwargs)

    def delay(self, *partial_args: Any, **partial_kwargs: Any) -> AsyncResult[R]:
        """Send it, with these arguments in front of its own."""
        return self.apply_async(partial_args, partial_kwargs)

    def apply_async(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None, **options: Any,
    ) -> AsyncResult[R]:  # fmt: skip
        """Send it; arguments and options as `Task.apply_async` takes them."""
        all_args, all_kwargs, all_options = self.merged(args, kwargs, options)
        task = self._type if self._type is not None else self.app.tasks.get(self["task"])
        if task is None:
            sent: AsyncResult[R] = self.app.send_task(self["task"], all_args, all_kwargs, **all_options)
            return sent
        result: AsyncResult[R] = task.apply_async(all_args, all_kwargs, **all_options)
        return result

    async def aapply_async(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None, **options: Any,
    ) -> AsyncResult[R]:  # fmt: skip
        """`apply_async` for coroutines."""
        result: AsyncResult[R] = await self.app.client().call(
            lambda: self.apply_async(args, kwargs, route_name, **options)
        )
        return result

    async def adelay(self, *partial_args: Any, **partial_kwargs: Any) -> AsyncResult[R]:
        """`delay` for coroutines."""
        return await self.aapply_async(partial_args, partial_kwargs)

    def apply(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> EagerResult[R]:
        """Run it here, as `Task.apply` does."""
        all_args, all_kwargs, all_options = self.merged(args, kwargs, options)
        result: EagerResult[R] = self.type.apply(all_args, all_kwargs, **all_options)
        return result

    def merged(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None, force: bool = False,
    ) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:  # fmt: skip
        """Arguments, keyword arguments and options of a call with these; ``force`` merges into an immutable one too."""
        own = self["options"]
        kept = {name: value for name, value in (options or {}).items() if name not in _STAYS or not own.get(name)}
        merged = {**own, **kept}
        if self.immutable and not force:
            return self.args, dict(self["kwargs"]), merged
        return (*(args or ()), *self["args"]), {**self["kwargs"], **(kwargs or {})}, merged

    def clone(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **opts: Any
    ) -> Signature[R]:
        """A copy, with more arguments and options."""
        all_args, all_kwargs, all_options = self.merged(args, kwargs, opts)
        copy: Signature[R] = Signature(
            {**self, "args": all_args, "kwargs": all_kwargs, "options": _copied(all_options)}, app=self._app
        )
        copy._type = self._type
        return copy

    partial = clone

    def replace(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Signature[R]:  # fmt: skip
        """A copy with other arguments or options in the place of its own."""
        copy = self.clone()
        if args is not None:
            copy["args"] = tuple(args)
        if kwargs is not None:
            copy["kwargs"] = dict(kwargs)
        if options is not None:
            copy["options"] = dict(options)
        return copy

    def set(self, immutable: bool | None = None, **options: Any) -> Signature[R]:
        """Set options, here and now; returns itself."""
        if immutable is not None:
            self.set_immutable(immutable)
        self["options"].update(options)
        return self

    def set_immutable(self, immutable: bool) -> None:
        """Say whether it takes the result of a task before it."""
        self["immutable"] = immutable

    def freeze(
        self, _id: str | None = None, group_id: str | None = None, chord: Any = None, root_id: str | None = None,
        parent_id: str | None = None, group_index: int | None = None,
    ) -> AsyncResult[R]:  # fmt: skip
        """Give it its id now; returns the handle on its result."""
        options = self["options"]
        task_id = options.setdefault("task_id", _id or new_id())
        given = {"root_id": root_id, "parent_id": parent_id, "chord": chord, "group_index": group_index}
        options.update({name: value for name, value in given.items() if value is not None})
        if group_id is not None:
            options.setdefault("group_id", group_id)
        return AsyncResult(task_id, app=self._app)

    def link(self, callback: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send ``callback`` with the result when it succeeds; returns the callback."""
        return self._append("link", callback)

    def link_error(self, errback: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run ``errback`` when it fails; returns the errback."""
        return self._append("link_error", errback)

    def on_error(self, errback: Mapping[str, Any]) -> Signature[R]:
        """`link_error` that returns this signature."""
        self.link_error(errback)
        return self

    def _append(self, key: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
        links = self["options"].setdefault(key, [])
        if not isinstance(links, list):
            links = self["options"][key] = [links]
        if value not in links:
            links.append(value)
        return value

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The call as text."""
        all_args, all_kwargs, _options = self.merged(args, kwargs)
        words = [saferepr(one) for one in all_args] + [f"{name}={saferepr(one)}" for name, one in all_kwargs.items()]
        return f"{self['task']}({', '.join(words)})"

    def __repr__(self) -> str:
        return self.reprcall()

    def __deepcopy__(self, memo: dict[int, Any]) -> Signature[R]:
        return self.clone()

    def __reduce__(self) -> tuple[Any, ...]:
        return Signature, (dict(self),)


def _empty() -> dict[str, Any]:
    return {"task": None, "args": (), "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False}


def _copied(options: dict[str, Any]) -> dict[str, Any]:
    """Lists of callbacks are the copy's own."""
    return {name: list(value) if isinstance(value, list) else value for name, value in options.items()}


def signature(varies: Any, *args: Any, **kwargs: Any) -> Signature[Any]:
    """A signature of a task, a name, or the dictionary form; a signature is copied.

    Example:
        >>> signature("proj.add", args=(2, 2), countdown=10).options
        {'countdown': 10}
    """
    app = kwargs.get("app")
    if isinstance(varies, Signature):
        return varies.clone()
    if isinstance(varies, Mapping):
        return Signature.from_dict(varies, app=app)
    return Signature(varies, *args, **kwargs)


subtask = signature


def maybe_signature(d: Any, app: Any = None, clone: bool = False) -> Any:
    """A dictionary as a signature, anything else as it is."""
    if isinstance(d, Signature):
        return d.clone() if clone else d
    return Signature.from_dict(d, app=app) if isinstance(d, Mapping) else d
