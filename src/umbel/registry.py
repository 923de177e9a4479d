"""The registry: the tasks of one app by name."""

from __future__ import annotations

from typing import Protocol, TypeVar

from .exceptions import NotRegistered


class Named(Protocol):
    """What a registry keeps."""

    @property
    def name(self) -> str | None: ...


T = TypeVar("T", bound=Named)


class TaskRegistry(dict[str, T]):
    """Tasks by name; a missing name raises `NotRegistered`, a `KeyError`.

    Example:
        >>> try:
        ...     TaskRegistry()["nope"]
        ... except NotRegistered as error:
        ...     print(repr(error))
        Task of kind 'nope' never registered, please make sure it's imported.
    """

    NotRegistered = NotRegistered

    def __missing__(self, key: str) -> T:
        raise NotRegistered(key)

    def register(self, task: T) -> None:
        """Add a task under its own name, in the place of another of that name."""
        if not task.name:
            raise ValueError(f"{task!r} has no name; give its class a `name`.")
        self[task.name] = task

    def unregister(self, name: str | T) -> None:
        """Remove a task, by name or itself; raises `NotRegistered` when it is not there."""
        key = name if isinstance(name, str) else name.name or ""
        try:
            self.pop(key)
        except KeyError:
            raise NotRegistered(key) from None
