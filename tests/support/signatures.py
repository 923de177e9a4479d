"""Parameters of functions: as Celery's golden data writes them, and as a function here has them."""

from __future__ import annotations

import inspect
import re


def parameters(text: str) -> list[tuple[str, bool]]:
    """ "(self, a, b=None, **kw)" -> names in order, and whether each has a default."""
    inside = text[text.index("(") + 1 : text.rindex(")")]
    names = re.findall(r"(\*{0,2}\w+)(?::[^=,]+(?:\[[^\]]*\])*)?(=)?", re.sub(r"=\s*(?:[^,(]|\([^)]*\))+", "=", inside))
    return [(name, bool(default)) for name, default in names]


def ours(function) -> list[tuple[str, bool]]:
    """The same of a function."""
    found = []
    for one in inspect.signature(function).parameters.values():
        star = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        found.append((star + one.name, one.default is not one.empty))
    return found
