"""Exceptions from their names: a result document says which class was raised, in which module, with which arguments.

Nothing is imported for it: a class is used when its module is already loaded here and it is an exception; otherwise a
stand-in of the same name is raised. A name that leads to something else is refused, a document must not call functions.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from ..exceptions import SecurityError, UmbelError, from_wire, wire_module
from ..saferepr import saferepr

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_stand_ins: dict[str, type[UmbelError]] = {}


def named(error: BaseException) -> dict[str, Any]:
    """What a document's ``result`` says of an exception.

    Example:
        >>> named(ValueError("bad", 42))
        {'exc_type': 'ValueError', 'exc_message': ['bad', 42], 'exc_module': 'builtins'}
    """
    kind, arguments = type(error), [one if type(one) in _PLAIN else saferepr(one) for one in error.args]
    return {"exc_type": kind.__qualname__, "exc_message": arguments, "exc_module": wire_module(kind)}


def rebuild(document: Any) -> BaseException | Any:
    """The exception that a document's ``result`` names; anything else comes back as it is.

    Example:
        >>> rebuild({"exc_type": "ValueError", "exc_message": ["bad", 42], "exc_module": "builtins"})
        ValueError('bad', 42)
    """
    if isinstance(document, BaseException) or not isinstance(document, dict) or "exc_type" not in document:
        return document
    name, module = str(document["exc_type"]), document.get("exc_module")
    kind = _find(str(module), name) if module else None
    if kind is None:
        kind = _stand_in(name)
    arguments = document.get("exc_message", ())
    if not isinstance(arguments, list | tuple):
        arguments = (arguments,)
    try:
        return kind(*arguments)
    except Exception:  # the class takes other arguments than it keeps; its name and message are what is left
        return UmbelError(f"{name}({', '.join(map(repr, arguments))})")


def _find(module: str, name: str) -> type[BaseException] | None:
    own = from_wire(module, name)
    if own is not None:
        return own
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        return None
    if not isinstance(found, type) or not issubclass(found, BaseException):
        raise SecurityError(f"A result names {module}.{name} as its exception, which is none; it was not called.")
    return found


def _stand_in(name: str) -> type[UmbelError]:
    known = _stand_ins.get(name)
    if known is None:
        made = type(name.rpartition(".")[2], (UmbelError,), {"__module__": "celery.exceptions", "__qualname__": name})
        known = _stand_ins[name] = made
    return known
