"""Signature: a call that has not been made yet, as a dictionary that travels as it is.

Exactly Celery's six keys: ``task, args, kwargs, options, subtask_type, immutable``. Merging, when a signature is called
with more arguments: arguments are put in front, keyword arguments and options win over those it has. An immutable one
takes no more arguments; it still takes options. What a signature has as group and as stamps stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from ..result import AsyncResult, EagerResult
from ..saferepr import saferepr
from ..sender import App, current_sender
from . import algebra, kinds, stamps
from .naming import fresh_id, reply_to

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

    TYPES: ClassVar[dict[str, Any]] = kinds.TYPES
    _app: App | None = None
    _type: Any = None
    said: bytes | None = None
    """What the heads of a chord's members say of it, once it is the body that they carry (`bare.note`)."""

    @classmethod
    def register_type(cls, name: str | None = None) -> Callable[[Any], Any]:
        """Decorator for a kind of workflow of your own: a class whose dictionaries say ``subtask_type: name``."""

        def register(kind: Any) -> Any:
            kinds.TYPES[name or kind.__name__] = kind
            return kind

        return register

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
    def from_dict(cls, d: Mapping[str, Any], app: App | None = None) -> Any:
        """The signature that a dictionary means.

        Raises:
            InvalidTaskError: it is a kind of workflow that nobody has registered.
        """
        kind = kinds.kind_of(d)
        return Signature(dict(d), app=app) if kind is Signature or kind is cls else kind.from_dict(d, app=app)

    @property
    def own_app(self) -> App | None:
        """The app that it was made for; None: whichever is current when it is sent."""
        return self._app

    def belongs_to(self, app: App) -> None:
        """Make it a signature of this app."""
        self._app = app

    @property
    def app(self) -> App:
        """The app that sends it."""
        app = self.own_app
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

    task = kinds.Item[str]("task", "Task name, by Celery's key.")
    args = kinds.Item[tuple[Any, ...]]("args", "Positional arguments.")
    kwargs = kinds.Item[dict[str, Any]]("kwargs", "Keyword arguments.")
    options = kinds.Item[dict[str, Any]]("options", "Options of the call, as for `apply_async`.")
    immutable = kinds.Item[bool]("immutable", "Whether it takes no result of a task before it.")
    subtask_type = kinds.Item[str | None]("subtask_type", 'Kind of workflow ("chain", ...), None for a single task.')
    id = kinds.Option("task_id", "Its task id, once it is frozen.")
    root_id = kinds.Option("root_id", "Id of the first task of its workflow, once it is known.")
    parent_id = kinds.Option("parent_id", "Id of the task that sends it, once it is known.")

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
        given = {name: value for name, value in options.items() if value is not None}
        all_args, all_kwargs, all_options = self.merged(args, kwargs, given)
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
        stays = _STAYS.union(own.get("stamped_headers") or ())
        kept = {name: value for name, value in (options or {}).items() if name not in stays or name not in own}
        merged = {**own, **kept}
        if self.immutable and not force:
            return tuple(self["args"]), dict(self["kwargs"]), merged
        return (*(args or ()), *self["args"]), {**self["kwargs"], **(kwargs or {})}, merged

    def clone(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **opts: Any
    ) -> Signature[R]:
        """A copy, with more arguments and options."""
        all_args, all_kwargs, all_options = self.merged(args, kwargs, opts)
        copy: Signature[R] = Signature.from_dict(
            {
                "task": self["task"], "args": all_args, "kwargs": all_kwargs, "options": _copied(all_options),
                "subtask_type": self.get("subtask_type"), "immutable": self.immutable,
            },
            app=self._app,
        )  # fmt: skip
        copy._type = self._type
        if "chord_size" in self:  # of a chord's body that is on its way
            copy["chord_size"] = self["chord_size"]
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
        task_id = options.get("task_id") or _id or fresh_id()
        options["task_id"] = task_id
        given = {"root_id": root_id or None, "parent_id": parent_id or None}
        options.update({name: value for name, value in given.items() if value is not None})
        options.setdefault("reply_to", reply_to())
        if group_id:
            options.setdefault("group_id", group_id)
        if chord:
            options["chord"] = chord
        if group_index is not None:
            options["group_index"] = group_index
        return AsyncResult.frozen(task_id, self.own_app)

    def stamp(self, visitor: Any = None, append_stamps: bool = False, **headers: Any) -> Any:
        """Stamp it and its callbacks: with ``headers``, and with what the visitor says.

        Args:
            visitor: a `StampingVisitor`.
            append_stamps: make a list of a stamp that is set already, instead of leaving it.
            headers: stamps by name.

        Example:
            >>> Signature("proj.add").stamp(tenant="acme").options["stamped_headers"]
            ['tenant']
        """
        self.stamp_links(visitor, append_stamps, **headers)
        visited = None if visitor is None else visitor.on_signature(self, **headers) or {}
        return self.set(**stamps.collected(headers, visited, self["options"], append=append_stamps))

    def stamp_links(self, visitor: Any, append_stamps: bool = False, **headers: Any) -> None:
        """Stamp its callbacks and errbacks; its own stamps stay its own."""
        for key, visit in (("link", "on_callback"), ("link_error", "on_errback")):
            given: dict[str, Any] = dict(headers)
            for link in kinds.several(self["options"].get(key)):
                linked = maybe_signature(link, app=self.own_app)
                visited = None if visitor is None else getattr(visitor, visit)(linked, **given) or {}
                given = stamps.collected(given, visited, {}, append=append_stamps)
                linked.stamp(visitor, append_stamps, **given)

    def link(self, callback: Mapping[str, Any]) -> Any:
        """Send ``callback`` with the result when it succeeds; returns the callback."""
        return self.append_to_list_option("link", callback)

    def link_error(self, errback: Mapping[str, Any]) -> Any:
        """Run ``errback`` when it fails; returns the errback."""
        return self.append_to_list_option("link_error", errback)

    def on_error(self, errback: Mapping[str, Any]) -> Signature[R]:
        """`link_error` that returns this signature."""
        self.link_error(errback)
        return self

    def append_to_list_option(self, key: str, value: Any) -> Any:
        """Add a value to an option that is a list, unless it is in it; returns the value."""
        values = self._list_option(key)
        if value not in values:
            values.append(value)
        return value

    def extend_list_option(self, key: str, value: Any) -> None:
        """Add several values, or one, to an option that is a list."""
        self._list_option(key).extend(kinds.several(value))

    def _list_option(self, key: str) -> list[Any]:
        values = self["options"].setdefault(key, [])
        if not isinstance(values, list):
            values = self["options"][key] = [values]
        return values

    def flatten_links(self) -> list[Any]:
        """Itself, its callbacks, and theirs."""
        found = [self]
        for link in kinds.several(self["options"].get("link")):
            found += maybe_signature(link).flatten_links()
        return found

    def __or__(self, other: Any) -> Any:
        """``a | b``: then b, with the result of a; see `algebra`."""
        return algebra.joined(self, other)

    def __ior__(self, other: Any) -> Any:
        return algebra.joined(self, other)

    def __invert__(self) -> Any:
        """``~signature`` sends it and waits for its result."""
        return self.apply_async().get()

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The call as text."""
        all_args, all_kwargs, _options = self.merged(args, kwargs, force=True)
        words = [_text(one) for one in all_args] + [f"{name}={_text(one)}" for name, one in all_kwargs.items()]
        return f"{self['task']}({', '.join(words)})"

    def __repr__(self) -> str:
        return self.reprcall()

    def __deepcopy__(self, memo: dict[int, Any]) -> Signature[R]:
        return self.clone()

    def __reduce__(self) -> tuple[Any, ...]:
        return signature, (dict(self),)


kinds.TYPES[kinds.SINGLE] = Signature


def _empty() -> dict[str, Any]:
    return {"task": None, "args": (), "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False}


def _text(value: Any) -> str:
    """A value in a call; signatures are calls themselves."""
    if isinstance(value, Signature) or (
        isinstance(value, list | tuple) and any(isinstance(v, Signature) for v in value)
    ):
        return repr(value)
    return saferepr(value)


def _copied(options: dict[str, Any]) -> dict[str, Any]:
    """Lists of callbacks, and what is in them, are the copy's own."""
    return {name: _copy(value) for name, value in options.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, Signature):
        return value.clone()
    if isinstance(value, dict):
        return {name: _copy(one) for name, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value


def signature(varies: Any, *args: Any, **kwargs: Any) -> Any:
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
        d = d.clone() if clone else d
    elif isinstance(d, Mapping):
        d = Signature.from_dict(d, app=app)
    if app is not None and isinstance(d, Signature):
        d.belongs_to(app)
    return d
