"""Preparing the steps of a chain: what is nested becomes flat, a group before a step becomes a chord, all get ids.

The walk goes from the last step to the first, and its list stays in that order: a worker takes the next step from the
end of it (the field ``chain`` of a message). The result of a step is the parent of the next one's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from .kinds import SINGLE, TYPES, begins_with_task, is_a, is_empty_group, make, several, unrolled


class Place(msgspec.Struct, kw_only=True):
    """Where a chain stands, and what its steps have to know of it.

    Attributes:
        last_id: id of the last step.
        root_id: id of the first task of the workflow.
        group_id, group_index, chord: of the group around it; they belong to the last step.
        link_error: errbacks for every step.
    """

    last_id: str | None = None
    root_id: str | None = None
    group_id: str | None = None
    group_index: int | None = None
    chord: Any = None
    link_error: Any = None


class Walk:
    """One walk over the steps.

    Args:
        steps: signatures or their dictionaries, first to last.
        call: partial arguments and keyword arguments for the first step.
        place: see `Place`.
        app: for dictionaries.
        copy: prepare copies, to be sent; False gives the ids to the signatures themselves (`freeze`).

    Attributes:
        tasks, results: of the steps, last one first.
    """

    def __init__(self, steps: Any, call: tuple[Any, Any], place: Place, app: Any, *, copy: bool) -> None:
        self.waiting = deque(steps)
        self.call = call
        self.place = place
        self.app = app
        self.copy = copy
        self.tasks: list[Any] = []
        self.results: list[Any] = []
        self.placed = 0
        self.next_task: Any = None
        self.next_result: Any = None

    def run(self) -> tuple[list[Any], list[Any]]:
        self._find_first()
        while self.waiting:
            task = self._taken()
            if task is not None:
                self._put(task)
        if self.copy:
            for task in self.tasks:
                drop_header_bodies(task)
        return self.tasks, self.results

    def _signature(self, task: Any) -> Any:
        return task if is_a(task, SINGLE) else TYPES[SINGLE].from_dict(task, app=self.app)

    def _find_first(self) -> None:
        """Bring a real task to the front: it gets the partial arguments.

        Chains there are taken apart, and empty groups left out, unless there is nothing else.
        """
        waiting, empty = self.waiting, None
        while waiting:
            head = waiting[0] = self._signature(waiting[0])
            if is_a(head, "chain"):
                waiting.popleft()
                waiting.extendleft(reversed(head.clone().tasks if self.copy else head.tasks))
                continue
            if is_a(head, "group"):
                head = waiting[0] = unrolled(head)
            if not is_empty_group(head) or len(waiting) == 1:
                return
            empty = waiting.popleft()
        if empty is not None:
            waiting.append(empty)

    def _taken(self) -> Any:
        """The next one from the end; None when it was taken apart, or left out."""
        task = self._signature(self.waiting.pop())
        is_first = not self.waiting
        if is_a(task, "group"):
            task = unrolled(task)
            if is_empty_group(task) and (self.waiting or self._followed()):
                return None
        if self.copy and is_a(task, "chord") and begins_with_task(task.body):
            self.waiting.extend(task.unrolled_body())
            return None
        if self.copy:
            task = task.clone(*self.call) if is_first else task.clone()
        elif is_first:
            task.args = (*self.call[0], *task.args)
        if is_a(task, "chain"):
            self.waiting.extend(task.tasks)
            return None
        return task

    def _followed(self) -> bool:
        """Whether a step comes behind; in Celery a group of only empty groups counts as none once frozen."""
        return self.next_task is not None and not is_empty_group(self.next_task)

    def _put(self, task: Any) -> None:
        place = self.place
        if self._followed() and ends_in_group(task):
            task = self._upgraded(task)
        if self.placed:
            result = task.freeze(root_id=place.root_id)
        else:
            result = task.freeze(
                place.last_id, root_id=place.root_id, group_id=place.group_id, chord=place.chord,
                group_index=place.group_index,
            )  # fmt: skip
        self.placed += 1
        if self._followed() and self.next_result is not None and self.next_result.parent is None:
            self.next_result.parent = result
        for errback in several(place.link_error):
            task.link_error(errback)
            if is_a(task, "chord") and task.body:
                task.body.link_error(errback)
        self.tasks.append(task)
        self.results.append(result)
        self.next_task, self.next_result = task, result
        if is_a(task, "chord"):
            self.next_result = oldest(result)

    def _upgraded(self, task: Any) -> Any:
        """The group at its end with the step behind it as its body; what follows is then behind the chord."""
        self.tasks.pop()
        body_result = self.results.pop()
        named = {} if is_a(self.next_task, "group") else {"task_id": self.next_result.id}
        chord = _with_body(task, self.next_task, {"root_id": self.place.root_id, "app": self.app, **named})
        self.next_task = self.tasks[-1] if self.tasks else None
        node = self.results[-1] if self.results else None
        while node is not None and node.parent is not body_result:
            node = node.parent
        if node is not None:
            node.parent = None
            self.next_result = node
        return chord


def ends_in_group(task: Any) -> bool:
    """Whether a group is the last of a workflow, so that a step behind it waits for all its members.

    Example:
        >>> from umbel.canvas import chord, group, signature
        >>> pair = group(signature("proj.add"), signature("proj.add"))
        >>> ends_in_group(pair), ends_in_group(chord(pair, pair)), ends_in_group(chord(pair, signature("proj.total")))
        (True, True, False)
    """
    while is_a(task, "chord") or (is_a(task, "chain") and task.tasks):
        task = task.body if is_a(task, "chord") else task.tasks[-1]
    return is_a(task, "group")


def _with_body(task: Any, body: Any, options: dict[str, Any]) -> Any:
    """A workflow whose last group is the header of a chord with this body."""
    if is_a(task, "group"):
        return make("chord", task, body=body, **options)
    task = task.clone()
    if is_a(task, "chord"):
        task.body = _with_body(task.body, body, options)
    else:
        task.tasks = [*task.tasks[:-1], _with_body(task.tasks[-1], body, options)]
    return task


def oldest(result: Any) -> Any:
    """The first result of a line of parents."""
    while result.parent is not None:
        result = result.parent
    return result


def drop_header_bodies(task: Any) -> None:
    """Take the body out of the options of a chord's header, in a copy that is to be sent.

    It is in the chord itself; once more in each task of each header the message would grow with every level.
    """
    if is_a(task, "chord"):
        _drop_chord(task.tasks)
        drop_header_bodies(task.tasks)
        if task.body is not None:
            drop_header_bodies(task.body)
    elif is_a(task, "group") or is_a(task, "chain"):
        for one in task.tasks:
            drop_header_bodies(one)


def _drop_chord(task: Any) -> None:
    """Where the body went when the header was frozen: to the last task of a chain, to a chord's body."""
    if not isinstance(task, Mapping):  # a header that is not frozen: nothing was put there
        return
    task["options"].pop("chord", None)
    if is_a(task, "group"):
        for one in task["kwargs"]["tasks"]:
            _drop_chord(one)
    elif is_a(task, "chain") and task["kwargs"]["tasks"]:
        _drop_chord(task["kwargs"]["tasks"][-1])
    elif is_a(task, "chord") and task["kwargs"]["body"] is not None:
        _drop_chord(task["kwargs"]["body"])


def place_of(options: dict[str, Any]) -> tuple[Place, dict[str, Any]]:
    """The options of a chain that say where it stands, and the others, which its first task gets."""
    named = {"last_id": "task_id", **{name: name for name in Place.__struct_fields__ if name != "last_id"}}
    place = Place(**{field: options.get(option) for field, option in named.items()})
    used = {*named.values(), "link", "parent_id"}
    return place, {name: value for name, value in options.items() if name not in used}
