"""Chord: a group (the header), and then one task with all its results (the body).

Every message of the header carries the body with its id, and ``chord_size``: how many results it waits for. Whoever
ends a member says so to the store, in the step that stores its result; see `umbel.join`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .. import clock
from ..exceptions import CPendingDeprecationWarning
from ..message import Join
from ..result import GroupResult, allow_join_result
from ..sender import App
from ..withdraw import join_expires
from . import kinds, stamps
from .base import Signature, maybe_signature
from .ends import members_once
from .errors import add_callbacks
from .naming import fresh_id
from .outgoing import opening, outgoing
from .steps import drop_header_bodies

_DELAYS = ("countdown", "eta")


@Signature.register_type("chord")
class _chord(Signature[Any]):  # noqa: N801 - Celery's name
    """A group, and then one task with the list of its results.

    Args:
        header: signatures, a group, or a chain, whose steps are then the members.
        body: signature of the task that gets the list.
        options: of the call.

    Example:
        >>> from umbel import Umbel
        >>> app = Umbel("arithmetic", broker="memory://chord-doc")
        >>> @app.task(name="total")
        ... def total(numbers):
        ...     return sum(numbers)
        >>> chord([total.s([1, 2])])(total.s()) # doctest: +SKIP
    """

    tasks = kinds.Item[Any]("kwargs.header", "The header.")
    body = kinds.Item[Any]("kwargs.body", "The body; None when it is given with the call.")

    def __init__(
        self, header: Any, body: Any = None, task: str = "celery.chord", args: Any = None, kwargs: Any = None,
        app: App | None = None, **options: Any,
    ) -> None:  # fmt: skip
        parts = {"header": _members(header, app), "body": maybe_signature(body, app=app)}
        super().__init__(task, args or (), {**(kwargs or {"kwargs": {}}), **parts}, app=app, **options)
        self.subtask_type = "chord"

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: App | None = None) -> Any:
        """The chord that a dictionary means."""
        given = {name: value for name, value in d.items() if name not in _OF_THE_JOIN}
        given["kwargs"] = dict(d["kwargs"])
        header, body = given["kwargs"].pop("header", None), given["kwargs"].pop("body", None)
        return cls(header, body, app=app, **given)

    def __call__(self, body: Any = None, **options: Any) -> Any:
        """Send it, with this body."""
        return self.apply_async((), {"body": body} if body else {}, **options)

    @property
    def own_app(self) -> App | None:
        """Its app, else that of its first member, else that of its body."""
        if self._app is not None:
            return self._app
        found: App | None = kinds.first_app(self.tasks)
        return found if found is not None or self.body is None else self.body.own_app

    def clone(self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **opts: Any) -> Any:
        """A copy, with copies of header and body and more options."""
        copy: Any = super().clone(args, kwargs, **opts)
        copy.body = maybe_signature(copy.body, clone=True)
        return copy

    partial = clone

    def header_group(self) -> Any:
        """The header as a group; it is one from now on."""
        if not kinds.is_a(self.tasks, "group"):
            self.tasks = kinds.make("group", self.tasks, app=self.own_app)
        return self.tasks

    def freeze(
        self, _id: str | None = None, group_id: str | None = None, chord: Any = None, root_id: str | None = None,
        parent_id: str | None = None, group_index: int | None = None,
    ) -> Any:  # fmt: skip
        """Give header and body their ids now; returns the handle on the body's result, its parent is the header's.

        Raises:
            RuntimeError: the body's result is its own parent.
        """
        members = self.header_group()
        members.tasks = members_once(members.tasks, self._app)
        header = members.freeze(parent_id=parent_id, root_id=root_id, chord=self.body)
        self.id = self.tasks.id
        if self.body is None:
            return None
        result = self.body.freeze(_id, root_id=root_id, chord=chord, group_id=group_id, group_index=group_index)
        node, seen = result, set()
        while node.parent is not None:
            seen.add(node.id)
            node = node.parent
            if node.id in seen:
                raise RuntimeError(f"The result {node.id} is its own parent.")
        node.parent = header
        return result

    def apply_async(  # type: ignore[override]  # Celery's signature
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, task_id: str | None = None,
        producer: Any = None, publisher: Any = None, connection: Any = None, router: Any = None,
        result_cls: Any = None, **options: Any,
    ) -> Any:  # fmt: skip
        """Send the header; the body follows when all members have ended.

        Args:
            args, kwargs: for each member, in front of its own; the keyword argument ``body`` is the body.
            task_id: of the body.
            producer, publisher, connection, router, result_cls: accepted, without effect.
            options: of header and body; ``countdown`` and ``eta`` delay the header, ``link`` and ``link_error`` are
                the body's.

        Returns:
            the handle on the body's result, its parent is that of the header.

        Raises:
            ImproperlyConfigured: the result store cannot join.
        """
        call, named = [*(args or ())], dict(kwargs or {})
        given = [*call, *self.args] if call and not self.immutable else self.args
        body = named.pop("body", None) or self.body
        named = {**self.kwargs["kwargs"], **named}
        options = {name: value for name, value in options.items() if name not in _IGNORED}
        delays: dict[str, Any] = {name: options.pop(name) for name in _DELAYS if options.get(name) is not None}
        callbacks: dict[str, Any] = {name: options.pop(name) for name in ("link", "link_error") if name in options}
        body = maybe_signature(body, app=self._app).clone(**_for_body(options))
        app = self._app or self.own_app or body.app
        if app.conf.task_always_eager:
            body = add_callbacks(body, {**self.options, **callbacks})
            with allow_join_result():
                return self.apply(given, named, body=body, task_id=task_id, **options)
        everything: dict[str, Any] = {**self.options, **options, **callbacks}
        named_id = everything.pop("task_id", None)
        delays = {
            name: delay for name in _DELAYS if (delay := delays.get(name, everything.pop(name, None))) is not None
        }
        with outgoing(app):
            return self._send(app, body, (given, named), task_id or named_id, everything, delays)

    def _send(
        self, app: App, body: Any, call: tuple[Any, Any], task_id: str | None, options: dict[str, Any],
        delays: dict[str, Any],
    ) -> Any:  # fmt: skip
        header = self._header(app)
        group_id = header.options.get("task_id") or fresh_id()
        root_id = body.options.get("root_id")
        if options:
            body = add_callbacks(body, options)
            body.options.update(_for_body(options))
        if kinds.is_a(body, "chain"):
            body.cut_chords()
        # where a chord is the member of another one, the end of its body is: that group is the one it says
        around = body.options.get("group_id") or group_id
        result = body.freeze(task_id or fresh_id(), group_id=around, root_id=root_id)
        drop_header_bodies(body)
        given = {name: value for name, value in options.items() if name not in ("chain", "chord", "task_id")}
        header.options["task_id"] = group_id
        frozen = header.freeze(group_id=group_id, chord=body, root_id=root_id)
        if header.tasks:
            app.assert_joins()
            size = body["chord_size"] = size_of(header)
            with opening(Join(group_id, size, join_expires(app.conf, clock.wall()))):
                frozen = header.apply_async(*call, task_id=group_id, **{**given, **delays})
        else:
            body.delay([])
        result.parent = frozen
        return result

    def _header(self, app: App) -> Any:
        if kinds.is_a(self.tasks, "group"):
            header = self.tasks.clone()
            header.tasks = members_once(header.tasks, app)
            return header
        members = members_once(self.tasks, app)
        return kinds.make("group", members, app=app, task_id=self.options.get("task_id") or fresh_id())

    def apply(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, propagate: bool = True,
        body: Any = None, **options: Any,
    ) -> Any:  # fmt: skip
        """Run header and body here."""
        header = self.tasks.clone() if kinds.is_a(self.tasks, "group") else kinds.make("group", self.tasks)
        results: GroupResult = header.apply(args, kwargs)
        return (self.body if body is None else body).apply((results.get(propagate=propagate),))

    def unrolled_body(self) -> list[Any]:
        """This chord with the first step of its body, which is a chain, and the other steps of it."""
        copy = self.clone()
        first, *rest = copy.body.unchain_tasks()
        copy.body = first.clone(**copy.body.first_task_options())
        return [copy, *rest]

    def __length_hint__(self) -> int:
        return sum(size_of(task) for task in getattr(self.tasks, "tasks", self.tasks))

    def link(self, callback: Any) -> Any:
        """To the body."""
        self.body.link(callback)
        return callback

    def link_error(self, errback: Any) -> Any:
        """To the body; with `task_allow_error_cb_on_chord_header` also to each member, without arguments."""
        errback = maybe_signature(errback)
        members = getattr(self.tasks, "tasks", self.tasks)
        if self.app.conf.task_allow_error_cb_on_chord_header:
            for task in members:
                task.link_error(errback.clone(immutable=True))
        else:
            warnings.warn(_BODY_ONLY, CPendingDeprecationWarning, stacklevel=2)
        for task in members:
            if kinds.is_a(task, "chord"):
                task.link_error(errback)
        self.body.link_error(errback)
        return errback

    def set_immutable(self, immutable: bool) -> None:
        """For the header; the body stays as it is."""
        for task in getattr(self.tasks, "tasks", self.tasks):
            task.set_immutable(immutable)

    def stamp(self, visitor: Any = None, append_stamps: bool = False, **headers: Any) -> Any:
        """Stamp the header; with a visitor also the body, as in Celery. See `Signature.stamp`."""
        members = getattr(self.tasks, "tasks", self.tasks)
        visited = None if visitor is None else visitor.on_chord_header_start(self, **headers) or {}
        headers = stamps.collected(headers, visited, self.options, append=append_stamps)
        self.stamp_links(visitor, append_stamps, **headers)
        for task in members:
            task.stamp(visitor, append_stamps, **headers)
        if visitor is None:
            return
        visitor.on_chord_header_end(self, **headers)
        if self.body is not None:
            visited = visitor.on_chord_body(self, **headers) or {}
            headers = stamps.collected(headers, visited, self.options, append=append_stamps)
            self.body.stamp(visitor, append_stamps, **headers)

    def __repr__(self) -> str:
        body = self.body
        if not body:
            return f"<chord without body: {self.tasks!r}>"
        if kinds.is_a(body, "chain"):
            first, rest = body.tasks[0], kinds.make("chain", [*body.tasks[1:]])
            return kinds.short(first["task"], f"%({first.reprcall(self.tasks)} | {rest!r})")
        return "%" + kinds.short(body["task"], body.reprcall(self.tasks))


chord = _chord
ADDS: Final = "chord_adds"
"""Key in the body that a member's message carries: the ids of members that came after the header was sent."""

_OF_THE_JOIN = frozenset({"chord_size", ADDS})
_IGNORED = frozenset({"producer", "publisher", "connection", "router", "result_cls", "route_name"})
_BODY_ONLY = (
    "The errback of a chord goes to its body only; set task_allow_error_cb_on_chord_header to True and it goes to each "
    "task of the header as well, as a coming release of Celery will have it."
)


def _members(header: Any, app: App | None) -> Any:
    if _is_dictionary(header):
        return _members(maybe_signature(header, app=app), app)
    if kinds.is_a(header, "group"):
        return header.tasks
    if kinds.is_a(header, "chain"):
        return [*header.tasks]
    if kinds.is_a(header, kinds.SINGLE):
        return [header]
    return [_copy(task, app) for task in header]


def _is_dictionary(value: object) -> bool:
    return isinstance(value, Mapping) and not isinstance(value, Signature)


def _copy(task: Any, app: App | None) -> Any:
    return task.clone() if isinstance(task, Signature) else maybe_signature(task, app=app)


def _for_body(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the body gets of a chord's options; its parent is the member that ends last."""
    return {name: value for name, value in options.items() if name != "parent_id"}


def size_of(task: Any) -> int:
    """How many results a member of a header brings: one, a group as many as its members, a chain what its end brings.

    Example:
        >>> size_of({"task": "proj.add"})
        1
    """
    task = maybe_signature(task)
    if kinds.is_a(task, "group"):
        return sum(size_of(one) for one in task.tasks)
    if kinds.is_a(task, "chain"):
        return next((size for one in reversed(task.tasks) if (size := size_of(one)) > 0), 0)
    return size_of(task.body) if kinds.is_a(task, "chord") else 1
