"""Stamps: names and values that travel with a signature and everything below it, set by hand or by a visitor.

They live in the options, ``stamped_headers`` lists their names. A stamp that is set already stays; with
``append_stamps`` the old and the new value become a list.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

_NAMES = "stamped_headers"


class StampingVisitor(ABC):
    """Decides the stamps of every part of a workflow. Each ``on_...`` returns the stamps to add.

    A dictionary without the key ``stamped_headers`` stamps with all its keys; with it, only those that it lists are
    stamps, and the others are options.

    Example:
        >>> class Tenant(StampingVisitor):
        ...     def on_signature(self, sig, **headers):
        ...         return {"tenant": "acme"}
    """

    @abstractmethod
    def on_signature(self, sig: Any, **headers: Any) -> dict[str, Any]:
        """A task."""

    def on_group_start(self, group: Any, **headers: Any) -> dict[str, Any]:
        """A group, before its tasks."""
        return {}

    def on_group_end(self, group: Any, **headers: Any) -> None:  # noqa: B027 - a visitor may leave it out
        """A group, after its tasks."""

    def on_chain_start(self, chain: Any, **headers: Any) -> dict[str, Any]:
        """A chain, before its tasks."""
        return {}

    def on_chain_end(self, chain: Any, **headers: Any) -> None:  # noqa: B027 - as above
        """A chain, after its tasks."""

    def on_chord_header_start(self, sig: Any, **header: Any) -> dict[str, Any]:
        """A chord, before the tasks of its header, which become a group."""
        return self.on_group_start(sig.header_group(), **header)

    def on_chord_header_end(self, sig: Any, **header: Any) -> None:
        """A chord, after the tasks of its header."""
        self.on_group_end(sig.tasks, **header)

    def on_chord_body(self, sig: Any, **header: Any) -> dict[str, Any]:
        """A chord, before its body."""
        return {}

    def on_callback(self, callback: Any, **header: Any) -> dict[str, Any]:
        """A ``link`` of a task, before it is visited itself."""
        return {}

    def on_errback(self, errback: Any, **header: Any) -> dict[str, Any]:
        """A ``link_error`` of a task, before it is visited itself."""
        return {}


def merge(into: dict[str, Any], more: Mapping[str, Any], *, append: bool) -> None:
    """Merge stamps into others: what is there stays, lists grow, and `append` makes a list of two values.

    Example:
        >>> stamps = {"a": 1, "names": ["a"]}
        >>> merge(stamps, {"a": 2, "names": ["b"], "b": 3}, append=True)
        >>> stamps
        {'a': [1, 2], 'names': ['a', 'b'], 'b': 3}
    """
    for key, value in more.items():
        if key not in into:
            into[key] = value
        elif isinstance(into[key], dict):
            into[key] = {**into[key]}
            merge(into[key], value, append=append)
        elif append or isinstance(into[key], list):
            into[key] = _together(into[key], value, append=append)


def _together(old: Any, new: Any, *, append: bool) -> Any:
    """Two values of one stamp as a list; the old one alone when it is a list, the new one none, and nothing appends."""
    both = [old] if isinstance(old, int | float | str) else [] if old is None else list(old)
    if isinstance(new, list) and isinstance(old, list | int | float | str):
        return both + new
    return [*both, new] if append else old


def collected(
    headers: Mapping[str, Any], visited: Mapping[str, Any] | None, own: Mapping[str, Any], *, append: bool
) -> dict[str, Any]:
    """The stamps of one signature.

    Args:
        headers: those that come from above.
        visited: what the visitor said, None without one.
        own: the signature's options; those that it lists as stamps are kept.
        append: make lists of what is there twice.
    """
    found = dict(headers)
    found.setdefault(_NAMES, list(headers))
    if visited is not None:
        visited = {**visited, _NAMES: visited.get(_NAMES, list(visited))}
        merge(found, visited, append=append)
    names = _unique(found[_NAMES], own.get(_NAMES, ()))
    merge(found, {name: value for name, value in own.items() if name in names}, append=append)
    found[_NAMES] = _unique(names)
    return found


def _unique(*names: Any) -> list[str]:
    return list(dict.fromkeys(name for some in names for name in some))
