"""Chain: one task after the other, each with the result of the one before.

The first task's message carries the others, last one first, with their ids: whoever runs it sends the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..result import EagerResult, allow_join_result
from ..sender import App
from ..states import IGNORED, REJECTED
from . import kinds, stamps
from .algebra import folded
from .base import Signature, maybe_signature
from .outgoing import outgoing
from .segments import shortened
from .steps import Walk, place_of


@Signature.register_type("chain")
class _chain(Signature[Any]):  # noqa: N801 - Celery's name, shown in its own repr
    """A chain as it is: `chain` makes one by ``|``."""

    tasks = kinds.Item[Any]("kwargs.tasks", "The steps.")

    def __init__(self, *tasks: Any, **options: Any) -> None:
        steps = kinds.listed(tasks[0]) if len(tasks) == 1 and kinds.is_listed(tasks[0]) else tasks
        options.pop("use_link", None)
        super().__init__("celery.chain", (), {"tasks": steps}, **options)
        self.subtask_type = "chain"

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: App | None = None) -> Any:
        """The chain that a dictionary means."""
        steps = [maybe_signature(task, app=app) for task in d["kwargs"]["tasks"]]
        return cls(steps, app=app, **d["options"])

    def __call__(self, *partial_args: Any, **partial_kwargs: Any) -> Any:
        """Send it."""
        return self.apply_async(partial_args, partial_kwargs) if self.tasks else None

    @property
    def own_app(self) -> App | None:
        """Its app, else that of its first step."""
        found: App | None = self._app if self._app is not None else kinds.first_app(self.tasks)
        return found

    def clone(self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **opts: Any) -> Any:
        """A copy, with copies of its steps and more options."""
        copy: Any = super().clone(args, kwargs, **opts)
        copy["kwargs"]["tasks"] = [maybe_signature(task, app=self._app, clone=True) for task in copy.tasks]
        return copy

    partial = clone

    def unchain_tasks(self) -> list[Any]:
        """Copies of its steps, with its callbacks at the last and its errbacks at each."""
        tasks = [task.clone() for task in self.tasks]
        for callback in kinds.several(self.options.get("link")):
            tasks[-1].link(callback)
        for errback in kinds.several(self.options.get("link_error")):
            for task in tasks:
                task.link_error(errback)
        return tasks

    def cut_chords(self) -> None:
        """Take the chords among its steps apart where their body is a chain: the rest of it are steps of this one."""
        waiting, steps = [*reversed(self.tasks)], []
        while waiting:
            task = waiting.pop()
            if kinds.is_a(task, "chain"):
                task = task.clone()
                task.cut_chords()
            if kinds.is_a(task, "chord") and kinds.begins_with_task(task.body):
                waiting += reversed(task.unrolled_body())
            else:
                steps.append(task)
        self.tasks = steps

    def first_task_options(self) -> dict[str, Any]:
        """Those of its options that its first task gets."""
        return place_of(self.options)[1]

    def freeze(
        self, _id: str | None = None, group_id: str | None = None, chord: Any = None, root_id: str | None = None,
        parent_id: str | None = None, group_index: int | None = None,
    ) -> Any:  # fmt: skip
        """Give all its steps their ids now; returns the handle on the last one's result.

        Raises:
            IndexError: it is empty.
        """
        given = {"task_id": _id, "group_id": group_id, "chord": chord, "root_id": root_id, "group_index": group_index}
        _tasks, results = self._prepared((self.args, self.kwargs), given, copy=False)
        return results[0]

    def _prepared(self, call: tuple[Any, Any], given: dict[str, Any], *, copy: bool) -> tuple[list[Any], list[Any]]:
        place, _rest = place_of(given)
        tasks, results = Walk(self.tasks, call, place, self.own_app, copy=copy).run()
        self.id = results[0].id if results else place.last_id
        return tasks, results

    def apply_async(
        self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None, **options: Any,
    ) -> Any:  # fmt: skip
        """Send the first step, with the others in its message; returns the handle on the last one's result.

        Args:
            args, kwargs: for the first step, in front of its own.
            options: ``link``, for the last step; ``link_error``, for every step; ``task_id``, of the last step; the
                others are the first step's.
        """
        if self.app.conf.task_always_eager:
            with allow_join_result():
                return self.apply(args, kwargs, **options)
        with outgoing(self.app):
            return self._send(args, kwargs, {**self.options, **options})

    def _send(self, args: Any, kwargs: Any, options: dict[str, Any]) -> Any:
        given = (*(args or ()), *self.args) if args and not self.immutable else self.args
        tasks, results = self._prepared((given, kwargs or {}), options, copy=True)
        if not tasks:
            return None
        if options.get("link"):
            tasks[0].extend_list_option("link", options["link"])
        first = tasks.pop()
        rest = place_of(options)[1]
        rest["chain"] = shortened(self.app, [*(rest.get("chain") or ()), *tasks], options.get("root_id"))
        sent = first.apply_async(**rest)
        return results[0] if tasks else sent

    def apply(self, args: Iterable[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Run it here, step after step."""
        tasks, last = list(self.tasks), None
        call: tuple[Any, Any] = (tuple(args or ()), dict(kwargs or {}))
        given = {**self.options, **options}
        callbacks = given.pop("link", None)
        real = [number for number, task in enumerate(tasks) if not kinds.is_empty_group(task)]
        linked = real[-1] if real else len(tasks) - 1
        for number, task in enumerate(tasks):
            if kinds.is_empty_group(task) and (number < len(tasks) - 1 or last is not None):
                continue
            step = task.clone()
            if callbacks and number == linked:
                (step.body if kinds.is_a(step, "chord") else step).extend_list_option("link", callbacks)
            result = step.apply((last.get(),) if last is not None else call[0], call[1], **given)
            result.parent, last, call = last, result, ((), {})
            if isinstance(result, EagerResult) and result.state in (IGNORED, REJECTED):
                break
        return last

    def stamp(self, visitor: Any = None, append_stamps: bool = False, **headers: Any) -> Any:
        """Stamp its steps; see `Signature.stamp`."""
        visited = None if visitor is None else visitor.on_chain_start(self, **headers) or {}
        headers = stamps.collected(headers, visited, self.options, append=append_stamps)
        self.stamp_links(visitor, **headers)
        for task in self.tasks:
            task.stamp(visitor, append_stamps, **headers)
        if visitor is not None:
            visitor.on_chain_end(self, **headers)

    def __repr__(self) -> str:
        if not self.tasks:
            return f"<{type(self).__name__}@{id(self):#x}: empty>"
        return kinds.short(self.tasks[0]["task"], " | ".join(repr(task) for task in self.tasks))


class chain(_chain):  # noqa: N801 - Celery's name
    """One task after the other: ``chain(a, b, c)`` is ``a | b | c``.

    Args:
        tasks: signatures, or one iterable of them.
        options: of the call.

    Example:
        >>> from umbel import Umbel
        >>> app = Umbel("arithmetic", broker="memory://chain-doc")
        >>> @app.task(name="add")
        ... def add(x, y):
        ...     return x + y
        >>> chain(add.s(2, 2), add.s(4))
        add(2, 2) | add(4)
    """

    def __new__(cls, *tasks: Any, **kwargs: Any) -> Any:
        """What the operator makes of these tasks; a chain of one, or with options, is a chain as it is."""
        if kwargs or not tasks or (len(tasks) == 1 and not kinds.is_listed(tasks[0])):
            return super().__new__(cls)
        found = folded(kinds.listed(tasks[0]) if len(tasks) == 1 else tasks)
        if cls is not chain and isinstance(found, _chain) and not isinstance(found, cls):
            return super().__new__(cls)
        return found
