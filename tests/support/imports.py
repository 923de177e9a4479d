"""Who imports whom inside the package, as written: imports inside functions and under TYPE_CHECKING count too."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

Graph = Mapping[str, set[str]]


def graph(files: Mapping[str, Path], parse) -> dict[str, set[str]]:
    """module -> modules of ``files`` that it imports by name."""
    return {name: set(_imports(name, path, parse(path), files)) for name, path in files.items()}


def _imports(name: str, path: Path, tree: ast.Module, known: Iterable[str]) -> Iterable[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (found for alias in node.names if (found := nearest(alias.name, known)))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                if (found := nearest(f"{base}.{alias.name}", known)) and found != name:
                    yield found


def nearest(dotted: str, known: Iterable[str]) -> str:
    """The module that ``dotted`` (a module, or a name inside one) belongs to; "" when it is none of ours."""
    while dotted and dotted not in known:
        dotted = dotted.rpartition(".")[0]
    return dotted


def circles(edges: Graph) -> list[list[str]]:
    """Groups of modules that reach each other (Tarjan's strongly connected components), without single modules."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for target in sorted(edges.get(module, ())):
            if target not in index:
                visit(target)
                low[module] = min(low[module], low[target])
            elif target in stack:
                low[module] = min(low[module], index[target])
        if low[module] == index[module]:
            group = [stack.pop()]
            while group[-1] != module:
                group.append(stack.pop())
            if len(group) > 1 or module in edges.get(module, ()):
                found.append(sorted(group))

    for module in sorted(edges):
        if module not in index:
            visit(module)
    return found
