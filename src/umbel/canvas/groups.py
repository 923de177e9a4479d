"""Group: tasks side by side, with their results together.

Every member's message says which group it is of (``group``) and its place in it (``group_index``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..current import request_var
from ..result import GroupResult
from ..sender import App
from . import kinds, stamps
from .base import Signature, maybe_signature
from .naming import fresh_id
from .outgoing import outgoing


@Signature.register_type("group")
class group(Signature[Any]):  # noqa: N801 - Celery's name
    """Tasks that run side by side.

    Args:
        tasks: signatures, or one iterable of them.
        options: of the call, for every member.

    Example:
        >>> from umbel import Umbel
        >>> app = Umbel("arithmetic", broker="memory://group-doc")
        >>> @app.task(name="add")
        ... def add(x, y):
        ...     return x + y
        >>> group(add.s(n, n) for n in range(2))
        group([add(0, 0), add(1, 1)])
    """

    tasks = kinds.Item[Any]("kwargs.tasks", "The members.")

    def __init__(self, *tasks: Any, **options: Any) -> None:
        members: Any = tasks
        if len(tasks) == 1:
            members = tasks[0].tasks if isinstance(tasks[0], group) else tasks[0]
            members = [members.clone()] if isinstance(members, Signature) else kinds.listed(members)
        super().__init__("celery.group", (), {"tasks": members}, **options)
        self.subtask_type = "group"

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: App | None = None) -> Any:
        """The group that a dictionary means."""
        members = d["kwargs"]["tasks"]
        return cls(type(members)(maybe_signature(task, app=app) for task in members), app=app, **d["options"])

    def __call__(self, *partial_args: Any, **options: Any) -> Any:
        """Send it."""
        return self.apply_async(partial_args, **options)

    @property
    def own_app(self) -> App | None:
        """Its app, else that of its first member."""
        found: App | None = self._app if self._app is not None else kinds.first_app(self.tasks)
        return found

    def __len__(self) -> int:
        return len(self.tasks)

    def __bool__(self) -> bool:
        return bool(self.tasks)

    def skew(self, start: float = 1.0, stop: float | None = None, step: float = 1.0) -> group:
        """Start the members one after the other.

        Args:
            start: seconds before the first.
            stop: most seconds before any.
            step: seconds between two.
        """
        for number, task in enumerate(self.tasks):
            seconds = start + number * step
            task.set(countdown=seconds if stop is None else min(seconds, stop))
        return self

    def apply_async(  # type: ignore[override]  # Celery's signature
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, add_to_parent: bool = True,
        producer: Any = None, link: Any = None, link_error: Any = None, **options: Any,
    ) -> GroupResult:  # fmt: skip
        """Send all members.

        Args:
            args, kwargs: for each member, in front of its own.
            add_to_parent: list the results among the children of the task that sends them.
            options: of each member; ``task_id`` is the id of the group.
            producer: accepted for compatibility, without effect.

        Raises:
            TypeError: ``link`` or ``link_error``: a group has no end; use a chord, or set them on the members.
        """
        if link is not None or link_error is not None:
            raise TypeError("A group takes no link and no link_error: use a chord, or set them on its members.")
        app = self.app
        if app.conf.task_always_eager:
            return self.apply(args, kwargs, **options)
        if not self.tasks:
            return self.freeze()
        own = self._own(options)
        with outgoing(app):
            result = GroupResult(own["group_id"], self._send(args, kwargs, own), app=app)
        if len(result) == 1 and isinstance(result[0], GroupResult):
            result = result[0]
        request = request_var.get()
        if add_to_parent and request is not None:
            request.running.add_trail(result)
        return result

    def _own(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options of the members; the group's id is in them as ``group_id``."""
        own = {**self.merged((), {}, options)[2]}
        own["group_id"] = own.pop("task_id", None) or fresh_id()
        return own

    def _send(self, args: Any, kwargs: Any, own: dict[str, Any]) -> list[Any]:
        chord = own.pop("chord", None)
        own.pop("group_index", None)
        results = []
        for task, index in self.members():
            results.append(task.freeze(group_id=own["group_id"], root_id=own.get("root_id"), group_index=index))
            body = chord if chord is not None else task.options.get("chord")
            given = {**own, "add_to_parent": False, "chord": body}
            task.apply_async(args, kwargs, **given)
        return results

    def apply(  # type: ignore[override]  # Celery's signature
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> GroupResult:
        """Run the members here, one after the other."""
        if not self.tasks:
            return self.freeze()
        own = self._own(options)
        results = [task.apply(args, kwargs, **own) for task, _index in self.members()]
        return GroupResult(own["group_id"], results, app=self.own_app)

    def members(self) -> Iterator[tuple[Any, int]]:
        """Copies of the tasks, those of groups in it included, each with its place; empty chains are left out."""
        for index, member in enumerate(self.tasks):
            task = maybe_signature(member, app=self._app, clone=True)
            if isinstance(task, group):
                yield from task.members()
            elif not (kinds.is_a(task, "chain") and not task.tasks):
                yield task, index

    def freeze(  # type: ignore[override]  # Celery's: the result is a group's
        self, _id: str | None = None, group_id: str | None = None, chord: Any = None, root_id: str | None = None,
        parent_id: str | None = None, group_index: int | None = None,
    ) -> GroupResult:  # fmt: skip
        """Give itself and all members their ids now, members of groups in it included; returns their results."""
        options = self.options
        options["task_id"] = options.get("task_id") or fresh_id()
        if group_id:
            options["group_id"] = group_id
        if chord:
            options["chord"] = chord
        if group_index is not None:
            options["group_index"] = group_index
        root_id = options.setdefault("root_id", root_id)
        parent_id = options.setdefault("parent_id", parent_id)
        members = self._flat()
        results = [
            task.freeze(group_id=group_id, chord=chord, root_id=root_id, parent_id=parent_id, group_index=index)
            for index, task in enumerate(members)
        ]
        self.tasks = members
        return GroupResult(options["task_id"], results, app=self.own_app)

    def _flat(self) -> list[Any]:
        """Copies of all members; those of a group in it stand in reverse order, as in Celery."""
        waiting, found = deque(self.tasks), []
        while waiting:
            task = maybe_signature(waiting.popleft(), app=self._app, clone=True)
            if isinstance(task, group):
                waiting.extendleft(task.tasks)
            elif not (kinds.is_a(task, "chain") and not task.tasks):
                found.append(task)
        return found

    def set_immutable(self, immutable: bool) -> None:
        """For every member."""
        for task in self.tasks:
            task.set_immutable(immutable)

    def link(self, sig: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # Celery's word for it here
        """To the first member, without its result; a group as a whole has no result to pass on."""
        return self.tasks[0].link(sig.clone().set(immutable=True))

    def link_error(self, sig: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # as above
        """To every member; returns what each got."""
        found = maybe_signature(sig)
        return tuple(task.link_error(found.clone()) for task in self.tasks)

    def stamp(self, visitor: Any = None, append_stamps: bool = False, **headers: Any) -> Any:
        """Stamp the members; see `Signature.stamp`."""
        visited = None if visitor is None else visitor.on_group_start(self, **headers) or {}
        headers = stamps.collected(headers, visited, self.options, append=append_stamps)
        self.stamp_links(visitor, append_stamps, **headers)
        members = [maybe_signature(task, app=self._app) for task in self.tasks]
        for task in members:
            task.stamp(visitor, append_stamps, **headers)
        if isinstance(self.tasks, list):
            self.tasks[:] = members
        else:
            self.tasks = members
        if visitor is not None:
            visitor.on_group_end(self, **headers)

    def __repr__(self) -> str:
        if not self.tasks:
            return "group(<empty>)"
        return kinds.short(self.tasks[0]["task"], f"group({self.tasks!r})")
