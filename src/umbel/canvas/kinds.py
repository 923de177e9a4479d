"""The kinds of signatures by name: "chain", "group", "chord", "xmap", "xstarmap", "chunks", and those of users.

A chain may hold chords, a chord a chain, and ``a | b`` makes any of them. So that none of these modules has to import
the others, each enters its class here, and asks for another one by name. The same table rebuilds signatures from
dictionaries: a key ``subtask_type`` names the kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Generic, Self, TypeVar, overload

from ..exceptions import InvalidTaskError

T = TypeVar("T")
TYPES: dict[str, Any] = {}
"""Kind -> class; `Signature.register_type` adds to it."""

SINGLE: Final = "task"
"""The kind of every signature, that of one task included."""


def is_a(value: object, kind: str) -> bool:
    """Whether a value is a signature of this kind."""
    return isinstance(value, TYPES[kind])


def make(kind: str, *args: Any, **options: Any) -> Any:
    """A new signature of a kind."""
    return TYPES[kind](*args, **options)


def kind_of(form: Mapping[str, Any]) -> Any:
    """The class that a dictionary asks for.

    Raises:
        InvalidTaskError: nobody has registered this kind.
    """
    name = form.get("subtask_type")
    if not name:
        return TYPES[SINGLE]
    found = TYPES.get(name)
    if found is None:
        raise InvalidTaskError(f"{name!r} is no kind of workflow here; known are {', '.join(sorted(TYPES))}.")
    return found


def is_listed(value: object) -> bool:
    """Whether it holds signatures and is none: a list, a tuple, a generator, ...

    Example:
        >>> is_listed([1]), is_listed({"task": "proj.add"}), is_listed("proj.add")
        (True, False, False)
    """
    return isinstance(value, Iterable) and not isinstance(value, Mapping | str | bytes)


def listed(value: Any) -> Any:
    """Something that can be read more than once: a list or tuple as it is, anything else as a list."""
    return value if isinstance(value, list | tuple) else list(value)


def several(value: Any) -> list[Any]:
    """A value, a list of values, or None, as a list.

    Example:
        >>> several(None), several(1), several([1, 2])
        ([], [1], [1, 2])
    """
    if value is None:
        return []
    return [*value] if is_listed(value) else [value]


def unrolled(group: Any) -> Any:
    """The only task of a group that has one, else the group."""
    return group.tasks[0] if len(group.tasks) == 1 else group


def is_empty_group(value: object) -> bool:
    """Whether it is a group without tasks: in a chain it does nothing."""
    return is_a(value, "group") and not value.tasks  # type: ignore[attr-defined]  # a group has tasks


def begins_with_task(body: Any) -> bool:
    """Whether a chord's body is a chain that can be cut behind its first step.

    Where that is a group, the steps behind it belong to it.
    """
    return is_a(body, "chain") and bool(body.tasks) and not is_a(body.tasks[0], "group")


def first_app(tasks: Any) -> Any:
    """The app of the first of these signatures that has one, None when none has."""
    for task in _seen(tasks):
        found = getattr(task, "own_app", None)
        if found is not None:
            return found
    return None


def _seen(tasks: Any) -> Iterator[Any]:
    if is_a(tasks, "group"):
        tasks = tasks.tasks
    yield from tasks[:1] if isinstance(tasks, list | tuple) else ()


class Item(Generic[T]):
    """An attribute of a signature that is one of the dictionary's items, or an item of one: "kwargs.tasks"."""

    def __init__(self, path: str, doc: str) -> None:
        *self.way, self.key = path.split(".")
        self.__doc__ = doc

    @overload
    def __get__(self, form: None, owner: type) -> Self: ...
    @overload
    def __get__(self, form: dict[str, Any], owner: type) -> T: ...
    def __get__(self, form: Any, owner: type) -> Any:
        if form is None:
            return self
        for step in self.way:
            form = form[step]
        return form[self.key]

    def __set__(self, form: Any, value: T) -> None:
        for step in self.way:
            form = form[step]
        form[self.key] = value


class Option:
    """An attribute of a signature that is one of its options, None when it is not set."""

    def __init__(self, name: str, doc: str) -> None:
        self.name = name
        self.__doc__ = doc

    @overload
    def __get__(self, form: None, owner: type) -> Self: ...
    @overload
    def __get__(self, form: dict[str, Any], owner: type) -> Any: ...
    def __get__(self, form: Any, owner: type) -> Any:
        return self if form is None else form["options"].get(self.name)

    def __set__(self, form: Any, value: Any) -> None:
        form["options"][self.name] = value


def short(task: str, text: str) -> str:
    """A text that names the module of a task only once.

    Example:
        >>> short("proj.add", "proj.add(1) | proj.mul(2)")
        'proj.add(1) | mul(2)'
    """
    module, dot, _name = str(task).rpartition(".")
    first = text.find(module + dot) + len(module + dot)
    return text[:first] + text[first:].replace(module + dot, "") if dot else text
