"""`task_routes`: what it says about a task. The first router that says anything ends the search.

A router is a map, a function, or the dotted path of a function. In a map, exact names come before globs (with ``*``)
and compiled patterns, which are tried in the order in which they were written and match from the start of the name. A
route is a queue's name, a queue, or a dict of options (queue, exchange, routing_key, priority, ...).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from ..exceptions import ImproperlyConfigured
from .entities import is_queue

Route: TypeAlias = dict[str, Any]
Resolve: TypeAlias = Callable[[str], Any]
_FORMS: Final = "a queue's name, a Queue or a dict of options"


class Call(msgspec.Struct, frozen=True):
    """What a router may look at.

    Attributes:
        name: task name.
        args, kwargs: the call's arguments.
        options: what caller and task wrote.
        task: the task, None when it is not known here.
    """

    name: str
    args: Any
    kwargs: Any
    options: Mapping[str, Any]
    task: Any = None


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


class Router(msgspec.Struct):
    """A function of the user's, or the dotted path of one, which is imported when it is first asked.

    Attributes:
        written: as it stands in the settings.
        function: what is called; None until it is needed.
    """

    written: Any
    resolve: Resolve
    function: Any = None

    def find(self, call: Call) -> Route | None:
        """What it says, None when it says nothing.

        Raises:
            ImproperlyConfigured: it cannot be imported, raised, or returned something that is no route.
        """
        if self.function is None:
            self.function = self._loaded()
        try:
            if hasattr(self.function, "route_for_task"):  # routers as classes, of Celery before 4.0
                found = self.function.route_for_task(call.name, call.args, call.kwargs)
            else:
                options = dict(call.options)
                found = self.function(call.name, call.args, call.kwargs, options, task=call.task)
        except Exception as error:
            shown = f"{type(error).__name__}: {error}"
            raise ImproperlyConfigured(f"The router {self} raised {shown} for the task {call.name!r}.") from error
        return None if found is None else route(found, f"The router {self} must return None, {_FORMS}")

    def _loaded(self) -> Any:
        if not isinstance(self.written, str):
            return self.written
        found = self.resolve(self.written)
        if hasattr(found, "route_for_task") and isinstance(found, type):
            return found()
        if not callable(found) and not hasattr(found, "route_for_task"):
            raise ImproperlyConfigured(
                f"The router {self} of task_routes is no function, but a value of type {type(found).__name__}."
            )
        return found

    def __str__(self) -> str:
        name = getattr(self.written, "__qualname__", None)
        return self.written if isinstance(self.written, str) else str(name or type(self.written).__name__)


Routes: TypeAlias = tuple[RouteMap | Router, ...]
NO_ROUTES: Final[Routes] = ()


def compile_routes(setting: Any, resolve: Resolve = str) -> Routes:
    """Prepare `task_routes` for look-ups.

    Args:
        setting: None, a dict, a list of (key, route) pairs, a function, a dotted path, or a list of these.
        resolve: gives the object of a dotted path; called when a route is first asked for.

    Raises:
        ImproperlyConfigured: it has another form.

    Example:
        >>> routes = compile_routes({"mail.send": "mail", "feed.*": {"queue": "feeds", "priority": 3}})
        >>> find(routes, Call("feed.fetch", (), {}, {}))
        {'queue': 'feeds', 'priority': 3}
    """
    if setting is None:
        return NO_ROUTES
    if isinstance(setting, Mapping):
        return (_map(setting.items()),)
    if isinstance(setting, list | tuple):
        if all(_is_pair(entry) for entry in setting):
            return (_map(setting),) if setting else NO_ROUTES
        return tuple(found for entry in setting for found in compile_routes(entry, resolve))
    if (isinstance(setting, str) and setting) or callable(setting) or hasattr(setting, "route_for_task"):
        return (Router(setting, resolve),)
    raise ImproperlyConfigured(
        "task_routes must be a dict, a list of (name, route) pairs, a function or its dotted path, or a list of these;"
        f" it has a {type(setting).__name__}."
    )


def find(routes: Routes, call: Call) -> Route | None:
    """What the first router that says anything says; None when none does."""
    for router in routes:
        found = router.find(call.name) if isinstance(router, RouteMap) else router.find(call)
        if found is not None:
            return found
    return None


def asks(routes: Routes) -> bool:
    """Whether a route may depend on the arguments of a call, so that each one has to be asked about."""
    return any(isinstance(router, Router) for router in routes)


def route(value: Any, words: str) -> Route:
    """A route as options.

    Args:
        value: what the user wrote.
        words: the beginning of the sentence when it is none.

    Raises:
        ImproperlyConfigured: it is no route.
    """
    if isinstance(value, str) or (is_queue(value) and not isinstance(value, Mapping)):
        return {"queue": value} if value else {}
    if isinstance(value, list | tuple) and all(_is_pair(entry) for entry in value):
        value = dict(value)
    if not isinstance(value, Mapping) or not all(isinstance(option, str) for option in value):
        raise ImproperlyConfigured(f"{words}, not a value of type {type(value).__name__}.")
    made = {option: given for option, given in value.items() if given is not None}
    queue, exchange = made.get("queue", ""), made.get("exchange", "")
    if not (isinstance(queue, str) or is_queue(queue)):
        raise ImproperlyConfigured(f"{words}; its queue is a value of type {type(queue).__name__}.")
    if not (isinstance(exchange, str) or hasattr(exchange, "name")):
        raise ImproperlyConfigured(f"{words}; its exchange is a value of type {type(exchange).__name__}.")
    return made


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, list | tuple) and len(entry) == 2 and isinstance(entry[0], str | re.Pattern)


def _map(pairs: Iterable[Any]) -> RouteMap:
    exact: dict[str, Route] = {}
    patterns: list[tuple[re.Pattern[str], Route]] = []
    for key, value in pairs:
        shown = key.pattern if isinstance(key, re.Pattern) else key
        if not isinstance(shown, str):
            raise ImproperlyConfigured(
                f"A key of task_routes must be a task's name, a glob or a compiled pattern of text, not {shown!r}."
            )
        made = route(value, f"The route of {shown!r} must be {_FORMS}")
        if isinstance(key, re.Pattern):
            patterns.append((key, made))
        elif "*" in key:
            patterns.append((re.compile(fnmatch.translate(key)), made))
        else:
            exact[key] = made
    return RouteMap(exact, tuple(patterns))
