"""Where a task goes: pure functions from `task_routes`, the caller's options and the default to a queue.

    what the caller wrote      wins
    the first route that fits  fills what the caller left open
    the default queue          when nobody named one

A route is a queue's name or a dict of options (queue, priority, ...). Its key is a task's name, a glob (with ``*``),
or a compiled pattern that matches from the start. Exact names of one map come before its globs and patterns, and these
are tried in the order in which they were written; several maps in a list are asked one after the other.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from .exceptions import ImproperlyConfigured

Route = dict[str, Any]


class RouteMap(msgspec.Struct, frozen=True):
    """One map of `task_routes`.

    Attributes:
        exact: task name -> route.
        patterns: compiled pattern -> route, in order.
    """

    exact: dict[str, Route]
    patterns: tuple[tuple[re.Pattern[str], Route], ...]

    def find(self, name: str) -> Route | None:
        """The route of a task, None when this map has none."""
        found = self.exact.get(name)
        if found is not None:
            return found
        for pattern, route in self.patterns:
            if pattern.match(name):
                return route
        return None


Routes = tuple[RouteMap, ...]
NO_ROUTES: Final[Routes] = ()


def compile_routes(setting: Any) -> Routes:
    """Prepare `task_routes` for look-ups.

    Args:
        setting: None, a dict, a list of (key, route) pairs, or a list of dicts and lists of pairs.

    Raises:
        ImproperlyConfigured: it has another form.

    Example:
        >>> routes = compile_routes({"mail.send": "mail", "feed.*": {"queue": "feeds", "priority": 3}})
        >>> destination("feed.fetch", {}, routes, "celery")
        {'queue': 'feeds', 'priority': 3}
    """
    if setting is None:
        return NO_ROUTES
    if isinstance(setting, Mapping):
        return (_map(setting.items()),)
    if isinstance(setting, list | tuple):
        if all(_is_pair(entry) for entry in setting):
            return (_map(setting),) if setting else NO_ROUTES
        return tuple(found for entry in setting for found in compile_routes(entry))
    raise ImproperlyConfigured(
        f"task_routes must be a dict, or a list of dicts or of (name, route) pairs; it has a {type(setting).__name__}."
    )


def destination(name: str, options: Mapping[str, Any], routes: Routes, default_queue: str) -> dict[str, Any]:
    """The options of a call, completed by its route; ``queue`` is always in them.

    Args:
        name: the task's name.
        options: what the caller and the task wrote; None counts as not written.
        routes: from `compile_routes`.
        default_queue: `task_default_queue`.
    """
    made = {"queue": default_queue}
    for found in routes:
        route = found.find(name)
        if route is not None:
            made.update(route)
            break
    made.update((key, value) for key, value in options.items() if value is not None)
    return made


def declared(setting: Any) -> tuple[str, ...]:
    """Names of the queues in `task_queues`, in order.

    Args:
        setting: None, a dict by name, or a list of names, of dicts with a ``name``, and of objects with one.

    Raises:
        ImproperlyConfigured: it has another form.

    Example:
        >>> declared(["mail", {"name": "reports", "durable": True}]), declared({"mail": {"exchange": "mail"}})
        (('mail', 'reports'), ('mail',))
    """
    if setting is None:
        return ()
    entries = setting if isinstance(setting, Mapping | list | tuple | set | frozenset) else [None]
    names: list[Any] = [
        entry.get("name") if isinstance(entry, Mapping) else getattr(entry, "name", entry) for entry in entries
    ]
    if not all(isinstance(name, str) and name for name in names):
        raise ImproperlyConfigured("task_queues must be a list of names or of queues with a name, or a dict by name.")
    return tuple(dict.fromkeys(names))


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, list | tuple) and len(entry) == 2 and isinstance(entry[0], str | re.Pattern)


def _map(pairs: Iterable[Any]) -> RouteMap:
    exact: dict[str, Route] = {}
    patterns: list[tuple[re.Pattern[str], Route]] = []
    for key, value in pairs:
        route = _route(key, value)
        if isinstance(key, re.Pattern):
            patterns.append((key, route))
        elif "*" in key:
            patterns.append((re.compile(fnmatch.translate(key)), route))
        else:
            exact[key] = route
    return RouteMap(exact, tuple(patterns))


def _route(key: Any, value: Any) -> Route:
    if isinstance(value, str):
        return {"queue": value}
    if isinstance(value, Mapping) and all(isinstance(option, str) for option in value):
        return {option: given for option, given in value.items() if given is not None}
    shown = key.pattern if isinstance(key, re.Pattern) else key
    raise ImproperlyConfigured(f"The route of {shown!r} must be a queue's name or a dict of options.")
