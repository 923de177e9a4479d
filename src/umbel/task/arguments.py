"""The arguments of a task: whether a call fits the function, and how they are turned into the types it asks for.

A caller learns of a wrong call in `delay()`: too few or too many arguments are a `TypeError`, so is a
dictionary that is not the annotated model. What travels is plain JSON; the worker converts it by
the same annotations, so that a foreign client that sends plain JSON is served as well.
"""

from __future__ import annotations

import inspect
import logging
import typing
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

from ..serialization import converter

logger = logging.getLogger("umbel.task")

Converter = Callable[[Any], Any]
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Arguments:
    """The signature of one task, without ``self`` of a bound one.

    Args:
        function: the task's function.
        bound: whether its first parameter is the task.
        name: task name, for messages.
    """

    def __init__(self, function: Callable[..., Any], bound: bool, name: str) -> None:
        self.function = function
        self.name = name
        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())
        if bound:
            parameters = parameters[1:]
        self.signature = signature.replace(parameters=parameters)
        self._measure(parameters)
        self._types: tuple[dict[str, Converter], Converter | None] | None = None

    def _measure(self, parameters: list[inspect.Parameter]) -> None:
        """How many positional arguments fit when there are no keywords."""
        positional = [one for one in parameters if one.kind in _POSITIONAL]
        self.names = tuple(one.name for one in positional)
        self.low: float = sum(one.default is one.empty for one in positional)
        self.high: float = len(positional)
        if any(one.kind is one.VAR_POSITIONAL for one in parameters):
            self.high = float("inf")
        if any(one.kind is one.KEYWORD_ONLY and one.default is one.empty for one in parameters):
            self.low = float("inf")
        self.star = next((one.name for one in parameters if one.kind is one.VAR_POSITIONAL), "")
        self.double_star = next((one.name for one in parameters if one.kind is one.VAR_KEYWORD), "")

    def check(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise a `TypeError` unless the function can be called so."""
        if not kwargs and self.low <= len(args) <= self.high:
            return
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}() cannot be called like that: {error}") from None

    @property
    def types(self) -> dict[str, Converter]:
        """Parameter name -> converter, for those that need one."""
        return self._resolved()[0]

    def returned(self, value: Any) -> Any:
        """A result as the return annotation asks for it."""
        convert = self._resolved()[1]
        return value if convert is None or value is None else convert(value)

    def _resolved(self) -> tuple[dict[str, Converter], Converter | None]:
        if self._types is None:
            hints = self._hints()
            found = {name: converter(hint, name) for name, hint in hints.items() if name != "return"}
            known = {name: convert for name, convert in found.items() if convert is not None}
            self._types = known, converter(hints["return"], "result") if "return" in hints else None
        return self._types

    def _hints(self) -> dict[str, Any]:
        function = inspect.unwrap(self.function)
        try:
            return typing.get_type_hints(function, include_extras=True)
        except Exception:  # one name that only a type checker can see spoils the rest: take them one by one
            names = getattr(function, "__annotations__", {})
            hints = {name: self._hint(function, name, annotation) for name, annotation in names.items()}
            return {name: hint for name, hint in hints.items() if hint is not None}

    def _hint(self, function: Callable[..., Any], name: str, annotation: Any) -> Any:
        holder = SimpleNamespace(__annotations__={name: annotation})
        try:
            return typing.get_type_hints(holder, getattr(function, "__globals__", {}), include_extras=True)[name]
        except Exception as error:  # evaluating an annotation may raise anything
            words = "%s: the annotation of %r cannot be read, it arrives as plain JSON: %s"
            logger.warning(words, self.name, name, error)
            return None

    def convert(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """The arguments as the function asks for them; themselves when nothing needs converting."""
        types = self.types
        if not types:
            return args, kwargs
        return (
            [self._one(types, self._name(position), value) for position, value in enumerate(args)],
            {key: self._one(types, key if key in types else self.double_star, value) for key, value in kwargs.items()},
        )

    def validate(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise what the worker would raise on arguments that do not fit their annotations (a `TypeError`)."""
        if self.types:
            self.convert(args, kwargs)

    def _name(self, position: int) -> str:
        return self.names[position] if position < len(self.names) else self.star

    def _one(self, types: dict[str, Converter], name: str, value: Any) -> Any:
        convert = types.get(name)
        if convert is None:
            return value
        if value is None and self._default(name) is None:
            return None
        return convert(value)

    def _default(self, name: str) -> Any:
        """Default of a parameter: ``x: Model = None`` takes None, as Python itself does."""
        return self.signature.parameters[name].default
